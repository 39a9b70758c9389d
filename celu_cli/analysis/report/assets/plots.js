"use strict";
/*
 * One plot of the page around uPlot: zoom by mouse and keys, values under the cursor, log scale, CSV, values as a table.
 *
 * What to draw comes from a function without arguments, called again at every update:
 *   { x, lines, xLabel, yLabel, whole, exact }
 * `x` has ascending numbers and each line { label, end, values, colour, mark, dash, width, band, quiet } one value or null
 * for each of them. `band` is { low, high }; `quiet` lines are neither read out nor listed. `whole`: x are whole
 * numbers. `exact`: values are read at x alone, not beside it. A line's `end` is written where it ends. A figure with a
 * list of class legend has its lines listed there, to be switched off and on.
 */

const FONT = "12px system-ui, sans-serif";
const READ_WITHIN = 30; // pixels beside the cursor
const MOST_READ = 12;
const MOST_LISTED = 40;
const MARKS_A_LINE = 8;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

const readable = (value) => {
  if (value === null || value === undefined) return "";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)) return value.toExponential(3);
  return Number.isInteger(value) && Math.abs(value) >= 100 ? String(value) : value.toFixed(4);
};
const readableX = (value) =>
  value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)
    ? value.toExponential(2).replace(/\.?0*e\+?/, "e")
    : String(Number(value.toPrecision(5)));

const readableTick = (value) => (value === null ? "" : readableX(value));
const powerOfTen = (value) => {
  const power = value === null ? 0 : Math.round(Math.log10(value));
  if (Math.abs(power) < 2 || value.toExponential(0)[0] !== "1") return readableTick(value);
  return `10${[...String(power)].map((digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]).join("")}`;
};

/* The range of a log axis: out to the next numbers of one digit, where uPlot begins its ticks. */
function logRange(min, max) {
  if (!(min > 0)) return [0.1, 1];
  const [low, high] = [min, max].map((value) => 10 ** Math.floor(Math.log10(value)));
  return [Math.floor(min / low) * low, (Math.floor(max / high) + 1) * high];
}

/* Of the ticks of a log axis as many as there is room for: over decades those that begin with fewer digits. */
function logTicks(_, places) {
  const decades = Math.log10(places.at(-1) / places[0]);
  const kept = decades > 2 ? [1] : decades > 1 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const first = (place) => Number(place.toExponential(0)[0]);
  return places.map((place) => (place > 0 && kept.includes(first(place)) ? place : null));
}

class Plot {
  constructor(key, describe) {
    this.figure = document.getElementById(`plot-${key}`);
    this.key = key;
    this.describe = describe;
    this.place = this.figure.querySelector(".canvas");
    this.said = this.figure.querySelector("[data-said]");
    this.log = this.figure.querySelector("[data-log]");
    this.details = this.figure.querySelector("[data-values]");
    this.legend = this.figure.querySelector(".legend");
    this.off = new Set(); // labels of lines that the reader has switched off
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.setAttribute("aria-hidden", "true");
    this.listen();
    this.update();
  }

  listen() {
    this.log?.addEventListener("change", () => this.update());
    this.figure.querySelector("[data-reset]").addEventListener("click", () => this.reset());
    this.figure.querySelector("[data-save]").addEventListener("click", () => this.save());
    this.details.addEventListener("toggle", () => this.list());
    this.place.addEventListener("keydown", (event) => this.onKey(event));
    this.place.addEventListener("blur", () => (this.tip.hidden = true));
    document.addEventListener("celu-theme", () => this.update());
    new ResizeObserver(() => this.resize()).observe(this.place);
  }

  /* Draws again; a zoom along x stays. */
  update() {
    const zoom = this.zoomed();
    this.drawing?.destroy();
    this.spec = this.describe();
    if (this.legend) this.writeLegend();
    this.spec.lines = this.spec.lines.filter((line) => !this.off.has(line.label));
    this.drawing = new uPlot(this.options(), this.series(), this.place);
    this.drawing.over.append(this.tip);
    this.tip.hidden = true;
    if (zoom) this.drawing.setScale("x", zoom);
    this.list();
  }

  writeLegend() {
    const entries = new Map(this.spec.lines.map(({ label, colour, mark }) => [label, { label, colour: toCss(colour), mark }]));
    writeSwitches(this.legend, [...entries.values()], (label) => !this.off.has(label), (label) => {
      this.off[this.off.has(label) ? "delete" : "add"](label);
      this.update();
    });
  }

  zoomed() {
    if (!this.drawing || !this.spec.x.length) return null;
    const { min, max } = this.drawing.scales.x;
    return min > this.spec.x[0] || max < this.spec.x.at(-1) ? { min, max } : null;
  }

  reset() {
    this.drawing.setData(this.drawing.data);
  }

  resize() {
    const { width, height } = this.size();
    if (width !== this.drawing.width || height !== this.drawing.height) this.drawing.setSize({ width, height });
  }

  size() {
    const width = Math.max(200, Math.floor(this.place.clientWidth));
    return { width, height: width < 500 ? 260 : 340 };
  }

  get logarithmic() {
    return this.log?.checked ?? false;
  }

  /* x, then low and high of each band, which are drawn below, then the values of each line. */
  series() {
    const shown = (values) => (this.logarithmic ? values.map((value) => (value > 0 ? value : null)) : values);
    const bands = this.spec.lines.filter((line) => line.band);
    return [
      this.spec.x,
      ...bands.flatMap(({ band }) => [shown(band.low), shown(band.high)]),
      ...this.spec.lines.map((line) => shown(line.values)),
    ];
  }

  options() {
    const { lines, xLabel, yLabel, whole } = this.spec;
    const [muted, rule] = [toCss(themeColour("muted")), toCss(themeColour("rule"))];
    const thin = { stroke: rule, width: 1 };
    const axis = { stroke: muted, font: FONT, labelFont: FONT, labelSize: 20, grid: thin, ticks: thin };
    const fewer = { ...thin, filter: logTicks };
    const logAxis = this.logarithmic ? { filter: logTicks, grid: fewer, ticks: fewer } : {};
    const unseen = { stroke: "transparent", spanGaps: true, points: { show: false } };
    const bands = lines.filter((line) => line.band);
    const labels = labelsOf(lines, this.size());
    return {
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: true, y: true, uni: 20 }, points: { show: false } },
      scales: {
        x: { time: false, range: (_, min, max) => (min === max ? [min - 0.5, max + 0.5] : [min, max]) },
        y: this.logarithmic ? { distr: 3, range: (_, min, max) => logRange(min, max) } : {},
      },
      axes: [
        { ...axis, label: xLabel, size: 36, ...(whole ? { incrs: WHOLE_STEPS } : {}) },
        { ...axis, ...logAxis, label: yLabel, size: 52, values: (_, ticks) => ticks.map(this.logarithmic ? powerOfTen : readableTick) },
      ],
      padding: [null, labels ? labels.width : null, null, null],
      series: [{}, ...bands.flatMap(() => [unseen, unseen]), ...lines.map((line) => this.lineOptions(line))],
      bands: bands.map(({ colour }, place) => ({
        series: [2 * place + 2, 2 * place + 1],
        fill: toCss(colour, 0.15),
      })),
      hooks: { setCursor: [() => this.read()], draw: [(plot) => drawLabels(plot, lines, labels)] },
    };
  }

  lineOptions({ values, colour, mark, dash, width, quiet }) {
    const css = toCss(colour, quiet ? 0.45 : 1);
    const filled = values.flatMap((value, place) => (value === null || value === undefined ? [] : [place]));
    const every = Math.max(1, Math.ceil(filled.length / MARKS_A_LINE));
    const marked = new Set(filled.filter((_, place) => place % every === 0));
    const hollow = Boolean(dash);
    const points = {
      show: true,
      width: 1.5,
      stroke: css,
      fill: hollow ? toCss(themeColour("paper")) : css,
      filter: (plot, series) => {
        const { min, max } = plot.scales.x;
        return [...marked].filter((place) => plot.data[series][place] !== null && plot.data[0][place] >= min && plot.data[0][place] <= max);
      },
      paths: (plot, series, _, __, places) => this.markPaths(plot, series, mark, places ?? [], hollow ? 2.5 : 3.5),
    };
    return {
      stroke: css,
      width,
      dash,
      spanGaps: true,
      pxAlign: 0, // else slopes become stairs
      // A line of one point is seen by its mark alone, so it has one even where it is quiet.
      points: mark === null || (quiet && filled.length > 1) ? { show: false } : points,
    };
  }

  markPaths(plot, series, mark, places, size) {
    const path = new Path2D();
    for (const place of places) {
      const x = plot.valToPos(plot.data[0][place], "x", true);
      const y = plot.valToPos(plot.data[series][place], "y", true);
      addMark(path, mark, x, y, size * devicePixelRatio);
    }
    const clip = new Path2D();
    const { left, top, width, height } = plot.bbox;
    clip.rect(left - 8, top - 8, width + 16, height + 16);
    return { fill: path, stroke: path, clip, flags: 3 };
  }

  /* What the lines say at a place of x, the highest first. */
  valuesAt(place) {
    const { x, lines, exact } = this.spec;
    const found = [];
    for (const line of lines) {
      if (line.quiet) continue;
      const nearest = exact ? place : this.nearest(line.values, place);
      const value = nearest === null ? null : (line.values[nearest] ?? null);
      if (value !== null) found.push({ line, value, at: x[nearest] });
    }
    return found.sort((one, other) => other.value - one.value);
  }

  nearest(values, place) {
    const { x } = this.spec;
    const pixels = (other) => Math.abs(this.drawing.valToPos(x[other], "x") - this.drawing.valToPos(x[place], "x"));
    for (let step = 0; step < x.length; step++) {
      const beside = [place - step, place + step].filter((other) => other >= 0 && other < x.length);
      if (!beside.some((other) => pixels(other) <= READ_WITHIN)) return null;
      const found = beside.find((other) => values[other] !== null && values[other] !== undefined);
      if (found !== undefined) return pixels(found) <= READ_WITHIN ? found : null;
    }
    return null;
  }

  /* Fills the box beside the cursor; returns what it says. */
  read() {
    const { idx, left, top } = this.drawing.cursor;
    const found = idx === null || idx === undefined || left < 0 ? [] : this.valuesAt(idx);
    this.tip.hidden = found.length === 0;
    if (this.tip.hidden) return "";
    const title = document.createElement("b");
    title.textContent = `${this.spec.xLabel} ${readableX(this.spec.x[idx])}`;
    const entries = found.slice(0, MOST_READ).map(({ line, value }) => {
      const entry = document.createElement("span");
      entry.append(swatch(toCss(line.colour), line.mark, line.dash), ` ${readable(value)} ${line.label}`);
      return entry;
    });
    if (found.length > MOST_READ) entries.push(`and ${found.length - MOST_READ} more`);
    this.tip.replaceChildren(title, ...entries);
    const { clientWidth, clientHeight } = this.drawing.over;
    const beside = left > clientWidth / 2 ? left - this.tip.offsetWidth - 12 : left + 12;
    this.tip.style.left = `${Math.max(0, Math.min(beside, clientWidth - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(top, clientHeight - this.tip.offsetHeight))}px`;
    return [title.textContent, ...found.slice(0, MOST_READ).map(({ line, value }) => `${line.label} ${readable(value)}`)].join("; ");
  }

  onKey(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.altKey || event.metaKey || !this.spec.x.length) return;
    if (event.key in steps) this.step(steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(0.5);
    else if (event.key === "-") this.zoom(2);
    else if (event.key === "0" || event.key === "Escape") this.reset();
    else return;
    event.preventDefault();
  }

  /* Moves the cursor to the next place of x in sight, and says its values. */
  step(by) {
    const { min, max } = this.drawing.scales.x;
    const seen = this.spec.x.flatMap((value, place) => (value >= min && value <= max ? [place] : []));
    if (!seen.length) return;
    const now = seen.indexOf(this.drawing.cursor.idx);
    const from = now >= 0 ? now : by > 0 ? -1 : seen.length;
    const place = seen[Math.min(seen.length - 1, Math.max(0, from + by))];
    const highest = this.valuesAt(place)[0];
    const top = highest ? this.drawing.valToPos(highest.value, "y") : 0;
    this.drawing.setCursor({ left: this.drawing.valToPos(this.spec.x[place], "x"), top });
    this.said.textContent = this.read();
  }

  zoom(factor) {
    const { x } = this.spec;
    const { min, max } = this.drawing.scales.x;
    const { idx, left } = this.drawing.cursor;
    const centre = left >= 0 && idx !== null ? x[idx] : (min + max) / 2;
    const half = ((max - min) / 2) * factor;
    const from = Math.max(x[0], centre - half);
    const to = Math.min(x.at(-1), centre + half);
    if (to > from) this.drawing.setScale("x", { min: from, max: to });
  }

  /* Every line that can be read, one after the other. */
  save() {
    const { x, lines, xLabel } = this.spec;
    const rows = lines.flatMap(({ label, values, band }) =>
      x.flatMap((at, place) =>
        values[place] === null || values[place] === undefined
          ? []
          : [[label, at, values[place], band?.low[place], band?.high[place]]],
      ),
    );
    download(this.key, ["line", xLabel, "value", "low", "high"], rows);
  }

  /* The values as a table, when the reader has asked for it. */
  list() {
    this.details.querySelector(".scroll")?.remove();
    if (!this.details.open) return;
    const lines = this.spec.lines.filter((line) => !line.quiet).slice(0, MOST_LISTED);
    const table = document.createElement("table");
    const heading = table.createTHead().insertRow();
    const add = (row, kind, text, scope) => {
      const cell = document.createElement(kind);
      cell.textContent = text;
      cell.className = "number";
      if (scope) cell.scope = scope;
      row.append(cell);
    };
    [this.spec.xLabel, ...lines.map((line) => line.label)].forEach((text) => add(heading, "th", text, "col"));
    const body = table.createTBody();
    this.spec.x.forEach((at, place) => {
      const row = body.insertRow();
      add(row, "th", readableX(at), "row");
      lines.forEach((line) => add(row, "td", readable(line.values[place])));
    });
    const region = document.createElement("div");
    region.className = "scroll";
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", this.details.querySelector("summary").textContent);
    region.append(table);
    this.details.append(region);
  }
}
