"use strict";
/* Accuracy and loss over epochs, and accuracy over time, with one legend for the three. */
{
  const { groups, runs, published, time } = DATA.curves;
  const SHOWN_AT_FIRST = 12;
  const MOST_SINGLE = 200; // lines; the page says so
  const MOST_PLACES = 4000; // of x, which is more than any screen has
  const DASH = { train: [7, 4], published: [2, 3] };

  const epochsOf = ({ epochs }) => (Array.isArray(epochs) ? epochs : Array.from({ length: epochs }, (_, place) => place + 1));
  const sums = (values) => {
    let sum = 0;
    return values.map((value) => (sum += value));
  };

  /* Curves of a run, in the form that a group has. */
  const asCurve = (run, key) => ({ epochs: epochsOf(run), seconds: sums(run.seconds), mean: run[key], band: null });

  function curveOf(group, key) {
    if (group[key]) {
      const [mean, low, high] = group[key];
      return { epochs: epochsOf(group), seconds: group.seconds, mean, band: { low, high } };
    }
    return group.drawn.length ? asCurve(runs[group.drawn[0]], key) : null;
  }

  const lastAccuracy = (group) => curveOf(group, "test_accuracy")?.mean.at(-1) ?? -1;
  const best = [...groups].sort((one, other) => lastAccuracy(other) - lastAccuracy(one));
  const chosen = new Set(best.slice(0, SHOWN_AT_FIRST));
  const shows = (what) => document.querySelector(`[data-show="${what}"]`).checked;

  /* Lines at x of their own, put on one axis that has every x of them; where those are too many, they are rounded. */
  function aligned(lines) {
    const placesOf = (some) => [...new Set(some.flatMap((line) => line.at))].sort((one, other) => one - other);
    let x = placesOf(lines);
    if (x.length > MOST_PLACES) {
      const step = (x.at(-1) - x[0]) / MOST_PLACES;
      lines = lines.map((line) => ({ ...line, at: line.at.map((each) => Math.round(each / step) * step) }));
      x = placesOf(lines);
    }
    const places = new Map(x.map((at, place) => [at, place]));
    const spread = (line, values) => {
      const found = Array(x.length).fill(null);
      line.at.forEach((at, place) => (found[places.get(at)] = values[place]));
      return found;
    };
    return {
      x,
      lines: lines.map((line) => ({
        ...line,
        values: spread(line, line.values),
        band: line.band && { low: spread(line, line.band.low), high: spread(line, line.band.high) },
      })),
    };
  }

  function linesOf(measure, overTime) {
    const at = (curve) => (overTime ? curve.seconds.map((each) => each / time.seconds) : curve.epochs);
    const phases = ["test", "train"].filter(shows);
    const lines = [];
    const named = new Set();
    let singles = 0;
    for (const group of groups.filter((each) => chosen.has(each))) {
      const look = { colour: themed(group.colour), mark: group.mark };
      const state = group.state && `, ${group.state}`;
      for (const phase of phases) {
        const key = `${phase}_${measure}`;
        const drawn = { ...look, dash: phase === "train" ? DASH.train : undefined, width: phase === "train" ? 1.3 : 2 };
        if (shows("single")) {
          const members = group[key] ? group.runs : group.runs.filter((place) => place !== group.drawn[0]);
          for (const place of members.slice(0, MOST_SINGLE - singles)) {
            const curve = asCurve(runs[place], key);
            const label = `${runs[place].name} ${phase}`;
            lines.push({ ...drawn, label, at: at(curve), values: curve.mean, width: 0.8, quiet: true });
            singles += 1;
          }
        }
        const curve = curveOf(group, key);
        if (!curve) continue;
        const band = shows("band") ? curve.band : null;
        const end = phase === phases[0] ? `${group.short}${state}` : null;
        lines.push({ ...drawn, label: `${group.label}${state} ${phase}`, end, at: at(curve), values: curve.mean, band });
      }
      const name = group.published;
      if (!overTime && shows("published") && name && !named.has(name)) {
        named.add(name);
        const longest = Math.max(0, ...groups.filter((each) => chosen.has(each)).map((each) => curveOf(each, "test_loss")?.epochs.at(-1) ?? 0));
        const places = published[name].epochs.flatMap((epoch, place) => (epoch <= longest ? [place] : []));
        const pick = (values) => places.map((place) => values[place]);
        for (const phase of phases) {
          lines.push({
            ...look,
            label: `${name} published ${phase}`,
            end: phase === phases[0] ? `${name} published` : null,
            at: pick(published[name].epochs),
            values: pick(published[name][`${phase}_${measure}`]),
            mark: null,
            dash: DASH.published,
            width: phase === "train" ? 0.8 : 1.2,
          });
        }
      }
    }
    return aligned(lines);
  }

  const plots = [
    new Plot("accuracy", () => ({ ...linesOf("accuracy", false), xLabel: "epoch", yLabel: "accuracy", whole: true, exact: true })),
    new Plot("loss", () => ({ ...linesOf("loss", false), xLabel: "epoch", yLabel: "loss", whole: true, exact: true })),
    new Plot("time", () => ({ ...linesOf("accuracy", true), xLabel: `training time in ${time.unit}`, yLabel: "accuracy" })),
  ];

  function writeLegend() {
    const entries = groups.map(({ label, colour, mark, drawn, state }) => {
      const size = drawn.length ? `n = ${drawn.length}` : "no epoch yet";
      return { label, colour: toCss(themed(colour)), mark, words: `${label} (${state ? `${state}, ` : ""}${size})` };
    });
    const group = new Map(groups.map((each) => [each.label, each]));
    const isOn = (label) => chosen.has(group.get(label));
    const list = document.getElementById("legend");
    writeSwitches(list, entries, isOn, (label) => choose([group.get(label)], !isOn(label)));
  }

  function choose(which, wanted) {
    for (const group of which) chosen[wanted ? "add" : "delete"](group);
    writeLegend();
    for (const plot of plots) plot.update();
  }

  for (const button of document.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => choose(groups, button.dataset.all === "true"));
  }
  for (const box of document.querySelectorAll("[data-show]")) {
    box.addEventListener("change", () => plots.forEach((plot) => plot.update()));
  }
  document.addEventListener("celu-theme", writeLegend);
  writeLegend();

  const KEYS = ["train_accuracy", "test_accuracy", "train_loss", "test_loss"];
  document.getElementById("save-runs").addEventListener("click", () => {
    const rows = runs.flatMap((run) =>
      epochsOf(run).map((epoch, place) => [
        run.name, run.case, run.seed, run.status, epoch, run.seconds[place], ...KEYS.map((key) => run[key][place]),
      ]),
    );
    download("curves-runs", ["run", "case", "seed", "status", "epoch", "seconds", ...KEYS], rows);
  });
  document.getElementById("save-groups").addEventListener("click", () => {
    const parts = ["mean", "low", "high"];
    const rows = groups.flatMap((group) => {
      const curves = KEYS.map((key) => curveOf(group, key)).filter(Boolean);
      if (!curves.length) return [];
      return curves[0].epochs.map((epoch, place) => [
        group.label, group.drawn.length, epoch, curves[0].seconds[place],
        ...curves.flatMap(({ mean, band }) => [mean[place], band?.low[place], band?.high[place]]),
      ]);
    });
    const columns = KEYS.flatMap((key) => parts.map((part) => `${key}_${part}`));
    download("curves-cases", ["case", "n", "epoch", "seconds", ...columns], rows);
  });
}
