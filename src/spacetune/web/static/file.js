"use strict";
/* A file of texts: read here, predicted by the server a few rows at a time, and handed back with a summary. */

const CHUNK = 64; // rows in one request
const PREVIEW = 10;

/* Read CSV as RFC 4180 has it: quotes, doubled quotes, line ends inside quotes. */
function readCsv(text) {
  const rows = [];
  let row = [], cell = "", quoted = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[i + 1] === '"') { cell += '"'; i++; }
      else quoted = false;
    } else if (letter === '"' && cell === "") quoted = true;
    else if (letter === ",") { row.push(cell); cell = ""; }
    else if (letter === "\n" || letter === "\r") {
      if (letter === "\r" && text[i + 1] === "\n") i++;
      row.push(cell);
      rows.push(row);
      row = []; cell = "";
    } else cell += letter;
  }
  if (quoted) throw new Error("the file ends inside quotes");
  if (cell !== "" || row.length) rows.push([...row, cell]);
  return rows.filter((each) => each.length > 1 || each[0] !== "");
}

/* Quote where needed; an apostrophe before what a spreadsheet would run. */
function csvCell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

let table = null;
let stopping = null;

async function takeFile(file) {
  trouble("");
  $("done").hidden = true;
  for (const name of ["summary", "preview"]) $(name).hidden = true;
  try {
    const rows = readCsv(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()).replace(/^\ufeff/, ""));
    if (rows.length < 2) throw new Error(`${file.name} has a header line at most, and no row`);
    const short = rows.findIndex((row) => row.length !== rows[0].length);
    if (short > 0) throw new Error(`row ${short} of ${file.name} has ${rows[short].length} cells, and its header ${rows[0].length}`);
    table = { name: file.name, head: rows[0], rows: rows.slice(1) };
  } catch (error) {
    table = null;
    trouble(error instanceof TypeError ? `${file.name} is not UTF-8` : error.message);
    return;
  }
  const named = Math.max(0, table.head.indexOf("text"));
  const seconds = ["text_pair", "pair", "second"].map((name) => table.head.indexOf(name)).filter((at) => at >= 0);
  const second = seconds[0] ?? table.head.findIndex((_, i) => i !== named);
  $("column").replaceChildren(...table.head.map((name, i) => new Option(name, i, false, i === named)));
  $("pair-column").replaceChildren(...table.head.map((name, i) => new Option(name, i, false, i === second)));
  $("pair-column-line").hidden = !panels[0].model.pairs;
  $("column-line").hidden = false;
  $("rows").textContent = `${table.rows.length.toLocaleString("en")} rows in ${table.name}`;
  if (table.head.includes("text") && (seconds.length || !panels[0].model.pairs)) await predictFile();
}

async function predictFile() {
  const given = table, column = Number($("column").value), served = panels[0].model.name;
  const second = panels[0].model.pairs ? Number($("pair-column").value) : null;
  const asked = (stopping = new AbortController());
  const found = [];
  $("stop").hidden = false;
  $("run").disabled = true;
  $("progress").hidden = false;
  try {
    for (let at = 0; at < given.rows.length; at += CHUNK) {
      const texts = given.rows.slice(at, at + CHUNK).map((row) => (second === null ? row[column] : [row[column], row[second]]));
      const part = await askPatiently("predict", { texts, model: served }, asked.signal);
      part.predicted.forEach((label, i) => found.push([label, part.probabilities?.[i] ?? [], part.classes]));
      $("progress").value = found.length / given.rows.length;
      $("rows").textContent = `${found.length.toLocaleString("en")} of ${given.rows.length.toLocaleString("en")} rows`;
    }
    finishFile(given, found);
  } catch (error) {
    trouble(error.name === "AbortError" ? `Stopped after ${found.length} rows; nothing was kept.` : error.message);
  } finally {
    $("stop").hidden = true;
    $("run").disabled = false;
    $("progress").hidden = true;
  }
}

function finishFile(given, found) {
  const head = [...given.head, "predicted", ...found[0][2].map((name) => `p(${name})`)];
  const rows = given.rows.map((row, i) => [...row, [found[i][0]].flat().join("|"), ...found[i][1]]);
  const text = [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
  URL.revokeObjectURL($("download").href);
  $("download").href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  $("done").hidden = false;
  summarise(found);
  const shown = make("table");
  const headLine = make("tr");
  headLine.append(...[...given.head, "predicted"].map((name) => make("th", name)));
  shown.append(headLine);
  for (const row of rows.slice(0, PREVIEW)) {
    const line = make("tr");
    line.append(...row.slice(0, given.head.length + 1).map((cell) => Object.assign(make("td", cell.length > 200 ? `${cell.slice(0, 200)}…` : cell), { dir: "auto", className: cell.length > 40 ? "long" : "" })));
    shown.append(line);
  }
  $("preview").replaceChildren(shown);
  $("preview").hidden = false;
}

/* How many rows got each class, and how sure the model was of them; of numbers their mean and ends. */
function summarise(found) {
  const numbers = !found[0][2].length, groups = new Map();
  for (const [label, chances, classes] of found) {
    const names = numbers ? ["all rows"] : [label].flat();
    for (const name of names.length ? names : ["no label"]) {
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(numbers ? label : chances[classes.indexOf(name)]);
    }
  }
  const head = numbers ? ["", "rows", "mean", "least", "greatest"] : ["class", "rows", "share", "mean probability"];
  const told = (value) => value === 0 || Math.abs(value) >= 0.1 ? value.toFixed(3) : value.toPrecision(3);
  const mean = (values) => told(values.reduce((sum, value) => sum + value, 0) / values.length);
  const end = (values, choose) => told(values.reduce((a, b) => choose(a, b)));
  const table = make("table");
  const line = (cells, kind) => {
    const row = make("tr");
    row.append(...cells.map((cell, i) => make(kind, cell, i ? "number" : undefined)));
    return row;
  };
  const rows = [...groups].sort((a, b) => b[1].length - a[1].length).map(([name, values]) => {
    const count = values.length.toLocaleString("en"), share = `${((100 * values.length) / found.length).toFixed(1)} %`;
    if (numbers) return line([name, count, mean(values), end(values, Math.min), end(values, Math.max)], "td");
    return line([String(name), count, share, values[0] === undefined ? "" : mean(values)], "td");
  });
  table.append(line(head, "th"), ...rows);
  $("summary").replaceChildren(table);
  $("summary").hidden = false;
}

$("csv").addEventListener("change", () => $("csv").files[0] && takeFile($("csv").files[0]));
$("run").addEventListener("click", predictFile);
$("stop").addEventListener("click", () => stopping?.abort());
for (const name of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0]);
  });
}
