"use strict";
/* A file of texts: read here, predicted by the server a few rows at a time, and handed back with a summary. */

const CHUNK = 64, CHUNK_BYTES = 1_000_000; // of one request: rows, and bytes of their texts
const NAMED = 3; // rows that could not be predicted and are named
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

/* Whether a spreadsheet would run a cell: as in data/formulas.py. A number is no formula, nor a sign alone. */
function risky(text) {
  if (/^[-+]?[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?$/.test(text) || Array.from(text).length < 2) return false;
  const seen = /[^\p{Z}\p{C}]/u.exec(text)?.[0].normalize("NFKC")[0];
  return /^[\t\r]/.test(text) || ["=", "+", "-", "@"].includes(seen);
}

/* An apostrophe goes before such a cell where it is written, and is taken away where it is read. */
const bare = (cell) => cell.replace(/^'+/, "");
const guarded = (cell) => (risky(bare(cell)) ? `'${cell}` : cell);
const unguarded = (cell) => (cell.startsWith("'") && risky(bare(cell)) ? cell.slice(1) : cell);

function csvCell(value) {
  const text = typeof value === "number" ? String(value) : guarded(String(value));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/* How many of these texts go into the next request: few enough for the server's limits, and one at least. */
function partOf(texts, most) {
  let bytes = 0, n = 0;
  while (n < Math.min(most, texts.length)) {
    bytes += new Blob([texts[n]].flat()).size;
    if (n && bytes > CHUNK_BYTES) break;
    n++;
  }
  return n;
}

let table = null;
let stopping = null;
let most = null; // texts in one request to this server

/* The second column is asked for where the first model reads pairs. */
function offerColumns() {
  $("pair-column-line").hidden = !panels[0]?.model.pairs;
}

async function takeFile(file) {
  trouble("");
  stopping?.abort();
  table = null;
  for (const name of ["done", "summary", "preview", "column-line"]) $(name).hidden = true;
  $("rows").textContent = "";
  try {
    const rows = readCsv(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()).replace(/^\ufeff/, ""));
    const mark = [";", "\t"].find((each) => rows[0].length === 1 && rows[0][0].includes(each));
    if (mark) throw new Error(`${file.name} is separated by ${mark === ";" ? "semicolons" : "tabs"}; save it with commas`);
    if (rows.length < 2) throw new Error(`${file.name} has a header line at most, and no row`);
    const short = rows.findIndex((row) => row.length !== rows[0].length);
    if (short > 0) throw new Error(`row ${short} of ${file.name} has ${rows[short].length} cells, and its header ${rows[0].length}`);
    table = { name: file.name, head: rows[0], rows: rows.slice(1).map((row) => row.map(unguarded)) };
  } catch (error) {
    trouble(error instanceof TypeError ? `${file.name} is not UTF-8` : error.message);
    return;
  }
  const named = Math.max(0, table.head.indexOf("text"));
  const seconds = ["text_pair", "pair", "second"].map((name) => table.head.indexOf(name)).filter((at) => at >= 0);
  const second = seconds[0] ?? table.head.findIndex((_, i) => i !== named);
  $("column").replaceChildren(...table.head.map((name, i) => new Option(name, i, false, i === named)));
  $("pair-column").replaceChildren(...table.head.map((name, i) => new Option(name, i, false, i === second)));
  offerColumns();
  $("column-line").hidden = false;
  $("rows").textContent = `${table.rows.length.toLocaleString("en")} rows in ${table.name}`;
  if (table.head.includes("text") && (seconds.length || !panels[0].model.pairs)) await predictFile();
}

async function predictFile() {
  if (!table) return;
  const given = table, column = Number($("column").value), model = panels[0].model;
  const second = model.pairs ? Number($("pair-column").value) : null;
  if (second === column) {
    trouble(`${model.name} was fitted on pairs of texts: choose another column with the second texts`);
    return;
  }
  const asked = (stopping = new AbortController());
  const texts = given.rows.map((row) => (second === null ? row[column] : [row[column], row[second]]));
  const found = [], refused = [];
  $("stop").hidden = false;
  $("run").disabled = true;
  $("progress").hidden = false;
  try {
    most ??= Math.min(CHUNK, (await ask("info", undefined, asked.signal)).max_client_batch_size);
    while (found.length < texts.length) {
      const left = texts.slice(found.length, found.length + most), part = left.slice(0, partOf(left, most));
      await predictPart(part, model.name, asked.signal, found, refused);
      if (given !== table) return;
      $("progress").value = found.length / texts.length;
      $("rows").textContent = `${found.length.toLocaleString("en")} of ${texts.length.toLocaleString("en")} rows`;
    }
    finishFile(given, found);
    const named = refused.slice(0, NAMED).map(([row, why]) => `row ${row}: ${why}`).join("; ");
    if (refused.length) trouble(`${refused.length} of ${texts.length} rows have no prediction (${named}${refused.length > NAMED ? "; …" : ""})`);
  } catch (error) {
    if (given === table) trouble(error.name === "AbortError" ? `Stopped after ${found.length} rows; nothing was kept.` : error.message);
  } finally {
    if (stopping === asked) {
      $("stop").hidden = true;
      $("run").disabled = false;
      $("progress").hidden = true;
    }
  }
}

/* Predict some rows; where the server refuses one text, that row has no prediction, and the others do. */
async function predictPart(part, model, signal, found, refused) {
  const started = found.length;
  let rest = part.map((text, i) => [text, i]);
  const answers = part.map(() => null);
  while (rest.length) {
    try {
      const told = await askPatiently("predict", { texts: rest.map(([text]) => text), model }, signal);
      rest.forEach(([, at], i) => { answers[at] = [told.predicted[i], told.probabilities?.[i] ?? [], told.classes]; });
      rest = [];
    } catch (error) {
      const wrong = error instanceof Refusal ? /^text (\d+) (.*)/.exec(error.message) : null;
      if (!wrong || !rest[Number(wrong[1])]) throw error;
      refused.push([started + rest[Number(wrong[1])][1] + 1, wrong[2]]);
      rest.splice(Number(wrong[1]), 1);
    }
  }
  found.push(...answers);
}

function finishFile(given, found) {
  const classes = found.find(Boolean)?.[2] ?? [];
  const head = [...given.head, "predicted", ...classes.map((name) => `p(${name})`)];
  const said = (answer) => (typeof answer[0] === "number" ? answer[0] : [answer[0]].flat().join("|"));
  const rows = given.rows.map((row, i) => [...row, ...(found[i] ? [said(found[i]), ...found[i][1]] : ["", ...classes.map(() => "")])]);
  const text = [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
  URL.revokeObjectURL($("download").href);
  $("download").href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  $("done").hidden = false;
  summarise(found.filter(Boolean));
  const shown = make("table");
  const headLine = make("tr");
  headLine.append(...[...given.head, "predicted"].map((name) => make("th", name)));
  shown.append(headLine);
  for (const row of rows.slice(0, PREVIEW)) {
    const line = make("tr");
    line.append(...row.slice(0, given.head.length + 1).map((cell) => Object.assign(make("td", String(cell).length > 200 ? `${cell.slice(0, 200)}…` : cell), { dir: "auto", className: String(cell).length > 40 ? "long" : "" })));
    shown.append(line);
  }
  $("preview").replaceChildren(shown);
  $("preview").hidden = false;
}

/* How many rows got each class, and how sure the model was of them; of numbers their mean and ends. */
function summarise(found) {
  if (!found.length) return;
  const numbers = !found[0][2].length, groups = new Map();
  for (const [label, chances, classes] of found) {
    const names = numbers ? ["all rows"] : [label].flat();
    for (const name of names.length ? names : ["no label"]) {
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(numbers ? label : chances[classes.indexOf(name)]);
    }
  }
  const head = numbers ? ["", "rows", "mean", "least", "greatest"] : ["class", "rows", "share", "mean probability"];
  const mean = (values) => numbered(values.reduce((sum, value) => sum + value, 0) / values.length);
  const end = (values, choose) => numbered(values.reduce((a, b) => choose(a, b)));
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
