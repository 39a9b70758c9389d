"use strict";
/* The data of the page, and taking it along as CSV. */

const DATA = JSON.parse(document.getElementById("data").textContent);

/* Text as RFC 4180 wants it; null is an empty cell. */
function toCsv(columns, rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
}

function download(name, columns, rows) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([toCsv(columns, rows)], { type: "text/csv" }));
  link.download = `celu-${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

for (const button of document.querySelectorAll("[data-csv]")) {
  button.addEventListener("click", () => {
    const table = DATA.tables[button.dataset.csv];
    download(button.dataset.csv, table.columns, table.rows);
  });
}
