"use strict";
/* Sorting: a click on a heading sorts by the field behind it, a second click turns the order round. */

/* Numbers by size, texts with the numbers in them by size too. */
const compareTexts = new Intl.Collator("en", { numeric: true }).compare;

function compareValues(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return compareTexts(String(one), String(other));
}

/* Places of `values` in order; what is not known comes last, whichever way round. */
function orderOf(values, descending) {
  const known = [];
  const unknown = [];
  values.forEach((value, place) => (value === null || value === "" ? unknown : known).push(place));
  known.sort((one, other) => compareValues(values[one], values[other]) * (descending ? -1 : 1) || one - other);
  return [...known, ...unknown];
}

for (const table of document.querySelectorAll("table[data-table]")) {
  const { columns, rows } = DATA.tables[table.dataset.table];
  const body = table.tBodies[0];
  const lines = [...body.rows];
  for (const heading of table.querySelectorAll("th[data-field]")) {
    heading.querySelector("button").addEventListener("click", () => {
      // The first click puts the largest numbers first, as the best accuracies are sought.
      const numbers = heading.classList.contains("number");
      const before = heading.getAttribute("aria-sort");
      const descending = before === null ? numbers : before === "ascending";
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const field = columns.indexOf(heading.dataset.field);
      const values = rows.map((row) => row[field]);
      body.append(...orderOf(values, descending).map((place) => lines[place]));
    });
  }
}
