"use strict";
/* Light or dark: as the system says, until the reader chooses. Runs before the page is drawn, so nothing flashes. */
const SYSTEM_THEME = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (SYSTEM_THEME.matches ? "dark" : "light")) === "dark";
{
  const KEY = "celu-theme";

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

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const announce = () => {
      button.setAttribute("aria-pressed", String(isDark()));
      document.dispatchEvent(new Event("celu-theme"));
    };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember(root.dataset.theme);
      announce();
    });
    SYSTEM_THEME.addEventListener("change", announce);
    announce();
  });
}
