"use strict";
/* How a line looks: its colour on this background, and its mark, so that no line is told by colour alone. */

/* A colour of the style sheet as red, green, blue. */
function themeColour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return parts;
}

const toCss = (parts, alpha = 1) => `rgba(${parts.map(Math.round).join(", ")}, ${alpha})`;
const fromHex = (text) => [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));

/* The colour of a line on this background, of the two that it has. */
const themed = ([light, dark]) => fromHex(isDark() ? dark : light);

function luminance(parts) {
  const [red, green, blue] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/* The colour of a line for small letters, moved towards the ink until they can be read (4.5 : 1). */
function readableColour(colour) {
  const [paper, ink] = [themeColour("paper"), themeColour("ink")];
  let seen = colour;
  for (let share = 0; contrast(seen, paper) < 4.5 && share < 1; share += 0.05) {
    seen = colour.map((part, place) => part + share * (ink[place] - part));
  }
  return seen;
}

/* Outlines around 0, 0 of about size 1, by the letters Matplotlib has for them. */
const polygon = (...corners) => corners;
const OUTLINES = {
  o: null,
  s: polygon([-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]),
  "^": polygon([0, -1.1], [1, 0.8], [-1, 0.8]),
  D: polygon([0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]),
  v: polygon([0, 1.1], [1, -0.8], [-1, -0.8]),
  P: polygon(
    [-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4],
    [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4],
  ),
  X: polygon(
    [-1.1, -0.6], [-0.6, -1.1], [0, -0.5], [0.6, -1.1], [1.1, -0.6], [0.5, 0],
    [1.1, 0.6], [0.6, 1.1], [0, 0.5], [-0.6, 1.1], [-1.1, 0.6], [-0.5, 0],
  ),
};

/* Adds mark number `mark` of radius `size` at x, y to a Path2D. */
function addMark(path, mark, x, y, size) {
  const outline = OUTLINES[DATA.marks[mark]];
  if (!outline) {
    path.moveTo(x + size, y);
    path.arc(x, y, size, 0, 2 * Math.PI);
    return;
  }
  outline.forEach(([dx, dy], place) => path[place ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
  path.closePath();
}

/* A small picture of a line for legends; `mark` null is none. */
function swatch(colour, mark, dash = []) {
  const canvas = document.createElement("canvas");
  const ratio = 2;
  canvas.width = 28 * ratio;
  canvas.height = 14 * ratio;
  canvas.className = "swatch";
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 2;
  context.setLineDash(dash);
  context.stroke(new Path2D("M1 7H27"));
  if (mark !== null) {
    const path = new Path2D();
    addMark(path, mark, 14, 7, 3.5);
    context.fill(path);
  }
  return canvas;
}

/* Fills a list with one switch for each entry { label, colour, mark, words }; the focus stays where it is. */
function writeSwitches(list, entries, isOn, onSwitch) {
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(
    ...entries.map(({ label, colour, mark, words }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(isOn(label)));
      button.append(swatch(colour, mark), ` ${words ?? label}`);
      button.addEventListener("click", () => onSwitch(label));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
  list.querySelectorAll("button")[focused]?.focus();
}
