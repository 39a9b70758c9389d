"use strict";
/* Fidelity of the gradient by layer, and the activations with their derivatives. */
{
  const select = document.getElementById("measured");
  if (select) {
    DATA.fidelity.forEach(({ run }, place) => select.add(new Option(run, String(place))));
    const layers = (key, yLabel) => () => {
      const measured = DATA.fidelity[Number(select.value)];
      const lines = measured[key].map((values, place) => ({
        label: `layer ${place + 1}`,
        end: `layer ${place + 1}`,
        values,
        ...measured.looks[place],
        colour: themed(measured.looks[place].colour),
        width: 2,
      }));
      return { x: measured.epochs, lines, xLabel: "epoch", yLabel, exact: true };
    };
    const ratios = DATA.fidelity.flatMap((measured) => measured.norm_ratio.flat()).filter((ratio) => ratio > 0);
    const [least, most] = ratios.reduce(([low, high], ratio) => [Math.min(low, ratio), Math.max(high, ratio)], [Infinity, 0]);
    document.querySelector("#plot-ratio [data-log]").checked = most >= 10 * least;
    const plots = [
      new Plot("cosine", layers("cosine", "cosine with the exact gradient")),
      new Plot("ratio", layers("norm_ratio", "norm / exact norm")),
    ];
    const show = () => {
      const { every, epochs } = DATA.fidelity[Number(select.value)];
      const thinned = every > 1 ? `, one of every ${every}` : "";
      document.getElementById("thinned").textContent = `${epochs.length} measurement${epochs.length === 1 ? "" : "s"}${thinned}`;
    };
    select.addEventListener("change", () => {
      show();
      for (const plot of plots) plot.update();
    });
    show();
  }

  const { x, curves } = DATA.activations;

  /* A curve that jumps has no value at 0: its two sides are lines of their own, so that nothing connects them. */
  function sides(values) {
    const jump = values.indexOf(null);
    if (jump < 0) return [values];
    return [
      values.map((value, place) => (place < jump ? value : null)),
      values.map((value, place) => (place > jump ? value : null)),
    ];
  }

  const activation = (key) => () => {
    const lines = curves.flatMap(({ label, colour, mark, [key]: values }) =>
      sides(values).map((side, number) => ({ label, end: number ? null : label, values: side, colour: themed(colour), mark, width: 2 })),
    );
    return { x, lines, xLabel: "x", yLabel: key, exact: true };
  };
  new Plot("value", activation("value"));
  new Plot("derivative", activation("derivative"));
}
