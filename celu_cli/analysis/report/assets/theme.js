"use strict";
/* Light or dark: as the system says, until the reader chooses. Runs before the page is drawn, so nothing flashes. */
{
  const KEY = "celu-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  /* A page opened from disk may be forbidden to remember anything. */
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  const remember = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      /* then the choice lasts as long as the page */
    }
  };

  const root = document.documentElement;
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const tell = () => {
      button.setAttribute("aria-pressed", String(isDark()));
      document.dispatchEvent(new Event("celu-theme"));
    };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember(root.dataset.theme);
      tell();
    });
    system.addEventListener("change", tell);
    tell();
  });
}
