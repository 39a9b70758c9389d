"use strict";
/* Names at the ends of lines, so that no legend has to be looked up. */

const LABEL_LINE = 14; // pixels
const LABEL_SHARE = 0.34; // of a plot's width, at most
const LABEL_GAP = 10;
const EARLY = 0.25; // of a plot's width: a line that ends further from the right is labelled there

/* Places near `values`, in their order, no two nearer than `gap`, and inside 0 to `most` where there is room. */
function spreadOut(values, gap, most) {
  const groups = [];
  const centred = (members) => {
    const half = (members.length * gap) / 2;
    const mean = members.reduce((sum, place) => sum + values[place], 0) / members.length;
    return { members, half, centre: 2 * half < most ? Math.min(Math.max(mean, half), most - half) : most / 2 };
  };
  const ascending = values.map((_, place) => place).sort((one, other) => values[one] - values[other]);
  for (const place of ascending) {
    let group = centred([place]);
    while (groups.length && group.centre - groups.at(-1).centre < group.half + groups.at(-1).half) {
      group = centred([...groups.pop().members, ...group.members]);
    }
    groups.push(group);
  }
  const found = [];
  for (const { members, half, centre } of groups) {
    members.forEach((place, rank) => (found[place] = centre - half + (rank + 0.5) * gap));
  }
  return found;
}

/* The font and width of the labels of `lines`; null where none has one, or there are more than fit. */
function labelsOf(lines, { width, height }) {
  const ends = lines.filter(({ end }) => end);
  if (!ends.length || ends.length * LABEL_LINE > height - 60) return null;
  const context = document.createElement("canvas").getContext("2d");
  context.font = FONT;
  const widest = Math.max(...ends.map(({ end }) => context.measureText(end).width));
  return { width: Math.ceil(Math.min(widest, LABEL_SHARE * width)) + LABEL_GAP + 4 };
}

function shortenedTo(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let kept = text.length;
  while (kept > 1 && context.measureText(`${text.slice(0, kept)}…`).width > width) kept -= 1;
  return `${text.slice(0, kept)}…`;
}

/* Writes the labels right of the plot, each with a thin line to where its line ends in sight; far from the right, where
   its line ends. */
function drawLabels(plot, lines, labels) {
  if (!labels) return;
  const { ctx: context, bbox } = plot;
  const ratio = devicePixelRatio;
  const right = bbox.left + bbox.width;
  const first = plot.series.length - lines.length;
  const found = lines.flatMap((line, number) => {
    if (!line.end) return [];
    const values = plot.data[first + number];
    const { min, max } = plot.scales.x;
    const place = values.findLastIndex(
      (value, at) => value !== null && value !== undefined && plot.data[0][at] >= min && plot.data[0][at] <= max,
    );
    if (place < 0) return [];
    const y = plot.valToPos(values[place], "y", true) - bbox.top;
    return [{ line, x: plot.valToPos(plot.data[0][place], "x", true), y: Math.min(Math.max(y, 0), bbox.height) }];
  });
  context.save();
  context.font = FONT.replace(/^\d+/, (size) => String(size * ratio));
  context.textBaseline = "middle";
  context.textAlign = "left";
  const write = (ends, leftOf, isInside) => {
    const places = spreadOut(ends.map(({ y }) => y), LABEL_LINE * ratio, bbox.height);
    ends.forEach(({ line, x, y }, number) => {
      const [left, from, to] = [leftOf(x), bbox.top + y, bbox.top + places[number]];
      const text = shortenedTo(context, line.end, (labels.width - LABEL_GAP) * ratio);
      if (isInside) {
        context.strokeStyle = toCss(themeColour("paper"));
        context.lineWidth = 4 * ratio;
        context.setLineDash([]);
        context.strokeText(text, left, to);
      } else if (Math.abs(to - from) > 4 * ratio || x < right - ratio) {
        context.strokeStyle = toCss(line.colour, 0.6);
        context.lineWidth = ratio;
        context.setLineDash([2 * ratio, 2 * ratio]);
        context.stroke(new Path2D(`M${x + 5 * ratio} ${from}L${left - 2 * ratio} ${to}`));
      }
      context.fillStyle = toCss(readableColour(line.colour));
      context.fillText(text, left, to);
    });
  };
  const isEarly = ({ x }) => x < right - EARLY * bbox.width;
  write(found.filter(isEarly), (x) => x + LABEL_GAP * ratio, true);
  write(found.filter((end) => !isEarly(end)), () => right + LABEL_GAP * ratio, false);
  context.restore();
}
