"use strict";
/* The page: asks the server, and shows what it answers. All text goes through textContent, so no text is ever markup. */

const $ = (id) => document.getElementById(id);
const WAIT = 180; // milliseconds after the last key
const CHUNK = 64; // rows of a file in one request
const MOST_CHANCES = 6;
const MOST_MEETINGS = 12;
const PREVIEW = 10;
let models = [];
let panels = [];
let key = "";

/* ---- trouble is shown, never swallowed ---- */

function trouble(message) {
  $("trouble").textContent = message;
  $("trouble").hidden = !message;
}
window.addEventListener("error", (event) => trouble(`The page failed: ${event.message}`));
window.addEventListener("unhandledrejection", (event) => trouble(`The page failed: ${event.reason?.message ?? event.reason}`));

/* ---- asking the server ---- */

class Refusal extends Error {
  constructor(status, message, wait) {
    super(message);
    this.status = status;
    this.wait = wait;
  }
}

async function ask(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers["X-API-Key"] = key;
  const options = body === undefined ? { headers, signal } : { method: "POST", headers, signal, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  if (answer.ok) return answer.json();
  const told = await answer.json().catch(() => ({ detail: answer.statusText }));
  if (answer.status === 401) $("key-line").hidden = false;
  throw new Refusal(answer.status, `${told.detail} (${answer.status})`, Number(answer.headers.get("Retry-After")) || 1);
}

/* Ask again where the server is busy, as long as it says. */
async function askPatiently(path, body, signal) {
  for (;;) {
    try {
      return await ask(path, body, signal);
    } catch (error) {
      if (!(error instanceof Refusal) || ![429, 503].includes(error.status)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.wait));
    }
  }
}

/* A row of numbers, each shaded by its share of the largest. */
function shaded(name, numbers, largest) {
  const line = make("tr");
  line.append(make("th", name), ...numbers.map((number) => {
    const cell = make("td", number.toFixed(2).replace("-0.00", "0.00"));
    cell.style.setProperty("--v", Math.min(1, Math.abs(number) / largest).toFixed(3));
    return cell;
  }));
  return line;
}

/* ---- one model's view of the text ---- */

class Panel {
  constructor(model) {
    this.root = $("panel").content.firstElementChild.cloneNode(true);
    this.part = (name) => this.root.querySelector(`.${name}`);
    this.data = null;
    this.asked = null;
    this.chosen = null;
    for (const each of models) this.part("model").append(new Option(each.name, each.name, false, each.name === model));
    this.part("model").addEventListener("change", () => { this.chosen = null; this.drawn = null; offerPair(); this.look(); });
    this.part("class").addEventListener("change", () => { this.chosen = Number(this.part("class").value); this.show(); });
    for (const name of ["against-what", "at"]) this.part(name).addEventListener("change", () => this.show());
    this.part("words").addEventListener("click", (event) => this.dissect(event.target.closest(".w")));
    this.part("words").addEventListener("keydown", (event) => {
      if (["Enter", " "].includes(event.key) && event.target.closest(".w")) { event.preventDefault(); this.dissect(event.target); }
    });
    this.part("reach-box").addEventListener("toggle", () => this.reach());
    this.part("explanation-box").hidden = true;
    $("panels").append(this.root);
  }

  get model() {
    return models.find((each) => each.name === this.part("model").value);
  }

  async look() {
    const text = this.model.pairs ? [$("text").value, $("pair").value] : $("text").value;
    this.asked?.abort();
    if (![text].flat().every((part) => part.trim())) {
      this.data = null;
      this.part("verdict").textContent = "";
      this.part("explanation-box").hidden = true;
      return;
    }
    const asked = (this.asked = new AbortController());
    try {
      const body = { texts: [text], model: this.model.name };
      const [explanation, places] = await Promise.all([
        askPatiently("/explain", body, asked.signal),
        this.model.map ? askPatiently("/place", body, asked.signal) : null,
      ]);
      if (asked.signal.aborted) return;
      this.data = explanation.texts[0];
      this.place = places?.[0];
      trouble("");
      this.show();
      await this.drawMap();
    } catch (error) {
      if (error.name !== "AbortError") trouble(error.message);
    }
  }

  show() {
    const data = this.data;
    if (!data) return;
    const strongest = data.logits.indexOf(Math.max(...data.logits));
    const column = this.chosen ?? strongest;
    this.part("verdict").textContent = verdict(data, strongest);
    this.part("explanation-box").hidden = false;
    this.showChances(data);
    for (const name of ["of-box", "against-box"]) this.part(name).hidden = data.classes.length < 2;
    this.part("at-box").hidden = !Object.keys(data.views ?? {}).length;
    const options = data.classes.map((name, i) => new Option(name, i, false, i === column));
    this.part("class").replaceChildren(...options);
    const against = this.part("against-what").value, at = data.views?.[this.part("at").value] ? this.part("at").value : data.at;
    offer(this.part("against-what"), this.part("at"), data, { column, against, at });
    const found = answer(data, { column, against: this.part("against-what").value, at });
    this.part("meaning").textContent = MEANINGS[at];
    spell(this.part("words"), data);
    colour(this.part("words"), found);
    for (const span of this.part("words").querySelectorAll(".w")) span.tabIndex = 0;
    if (![data.text, ...[data.text].flat()].map(String).includes(this.dissected?.text)) this.part("dissection").hidden = true;
    addUp(this.part("terms"), data, found);
    this.showMeetings(data, column === strongest ? data.meetings ?? [] : []);
    this.part("cut-note").hidden = !data.truncated;
    this.part("reach-box").hidden = !Object.keys(data.views ?? {}).length;
    this.reach();
  }

  /* Which word reached the states of which: asked for when somebody opens it. */
  async reach() {
    const data = this.data;
    if (!data || this.reached === data || !this.part("reach-box").open) return;
    let found;
    try {
      found = (await askPatiently("/reach", { texts: [data.text], model: this.model.name })).texts[0];
    } catch (error) {
      trouble(error.message);
      return;
    }
    if (this.data !== data) return;
    this.reached = data;
    const largest = Math.max(1e-12, ...found.scores.flat().map(Math.abs));
    const head = make("tr");
    head.append(make("th", "state of ↓ brought by →", "corner"), ...found.words.map((word) => make("th", word)));
    const lines = found.scores.map((row, i) => shaded(found.words[i], row, largest));
    this.part("reach").replaceChildren(head, ...lines);
  }

  showChances(data) {
    const body = make("tbody");
    const order = (data.probabilities ?? []).map((p, i) => [p, i]).sort((a, b) => b[0] - a[0]).slice(0, MOST_CHANCES);
    for (const [p, i] of order) {
      const row = make("tr", undefined, "for");
      const bar = make("td", undefined, "bar whole");
      const fill = make("i");
      fill.style.setProperty("--v", p.toFixed(3));
      bar.append(fill);
      row.append(make("td", data.classes[i]), bar, make("td", `${(100 * p).toFixed(1)} %`, "number"));
      body.append(row);
    }
    this.part("chances").replaceChildren(body);
  }

  /* The strongest pairs of words, of two texts that were read apart. */
  showMeetings(data, met) {
    const largest = Math.max(1e-12, ...met.map((each) => Math.abs(each.score)));
    const lines = met.slice(0, MOST_MEETINGS).map((each) => {
      const line = make("tr", undefined, each.score < 0 ? "against" : "for");
      const words = make("td", `${each.first} ~ ${each.second}`);
      words.dir = "auto";
      const bar = make("td", undefined, "bar");
      const fill = make("i");
      fill.style.setProperty("--v", (Math.abs(each.score) / largest).toFixed(3));
      bar.append(fill);
      line.append(words, bar, make("td", signed(each.score), "number term"));
      return line;
    });
    const body = make("tbody");
    body.append(...lines);
    this.part("meetings").replaceChildren(body);
    this.part("meetings-box").hidden = !met.length;
  }

  /* What the states of one word's tokens are made of, layer by layer; of texts read apart those of its own text. */
  async dissect(span) {
    if (!span || !this.data) return;
    const data = this.data, word = data.words[span.dataset.i];
    const apart = Boolean(data.meetings?.length);
    const read = apart ? data.text[word.part] : data.text;
    try {
      if (this.dissected?.text !== String(read) || this.dissected.model !== this.model.name) {
        const told = await askPatiently("/dissect", { texts: [read], model: this.model.name });
        this.dissected = { text: String(read), model: this.model.name, found: told.texts[0] };
      }
    } catch (error) {
      trouble(error.message);
      return;
    }
    if (this.data !== data) return;
    const { layers, terms: names, rows } = this.dissected.found;
    const before = apart && word.part === 1 ? data.tokens.length - rows.length / layers.length : 0;
    const tokens = data.spans.flatMap(([start, stop], t) => (data.parts[t] === word.part && stop > word.start && start < word.stop ? [t - before] : []));
    const head = make("tr");
    head.append(make("th", "layer"), ...names.map((name) => make("th", name.replace("_", "-"), "number")));
    const lines = layers.map((layer, l) => {
      const shares = names.map((name) => tokens.reduce((sum, t) => sum + rows[t * layers.length + l][name], 0) / tokens.length);
      return shaded(String(layer), shares, 1);
    });
    this.part("dissection-table").replaceChildren(head, ...lines);
    this.part("dissected-word").textContent = word.word;
    this.part("dissection").hidden = false;
  }

  async drawMap() {
    this.part("map-box").hidden = !this.place;
    if (!this.place) return;
    if (this.drawn !== this.model.name) {
      this.map = await ask(`/map?model=${encodeURIComponent(this.model.name)}`);
      this.drawn = this.model.name;
    }
    drawMap(this.part("map"), this.part("legend"), this.map, this.place.position);
    const rows = this.place.nearest.map((near) => {
      const row = make("tr");
      const text = make("td", [near.text].flat().join(" | "));
      text.dir = "auto";
      row.append(make("td", String(near.label)), text, make("td", near.distance.toFixed(3), "number"));
      return row;
    });
    const head = make("tr");
    head.append(make("th", "label"), make("th", "text"), make("th", "distance", "number"));
    this.part("nearest").replaceChildren(head, ...rows);
  }
}

function verdict(data, strongest) {
  if (Array.isArray(data.predicted)) return data.predicted.length ? data.predicted.join(", ") : "no label";
  if (!data.probabilities) return String(data.predicted);
  return `${data.predicted} (${(100 * data.probabilities[strongest]).toFixed(1)} %)`;
}

function drawMap(svg, legend, map, you) {
  const draw = (name, attributes, title) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
    if (title) element.append(Object.assign(document.createElementNS("http://www.w3.org/2000/svg", "title"), { textContent: title }));
    return element;
  };
  const points = [...map.positions, you];
  const ends = [0, 1].map((axis) => [Math.min(...points.map((p) => p[axis])), Math.max(...points.map((p) => p[axis]))]);
  const at = ([x, y]) => [
    10 + (340 * (x - ends[0][0])) / (ends[0][1] - ends[0][0] || 1),
    250 - (240 * (y - ends[1][0])) / (ends[1][1] - ends[1][0] || 1),
  ];
  const hue = (label) => `hue${map.classes.indexOf(label) % 8}`;
  const drawn = map.positions.map((position, i) => {
    const [x, y] = at(position);
    return draw("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 3, class: `dot ${hue(map.labels[i])}` }, `${map.labels[i]}: ${[map.texts[i]].flat().join(" | ").slice(0, 80)}`);
  });
  const [x, y] = at(you);
  const cross = draw("g", { class: "you" }, "your text");
  cross.append(draw("path", { d: `M${x - 8} ${y}h16M${x} ${y - 8}v16` }));
  svg.replaceChildren(...drawn, cross);
  legend.replaceChildren(...map.classes.map((name) => {
    const item = make("li");
    item.append(make("i", undefined, hue(name)), String(name));
    return item;
  }));
}

/* ---- typing ---- */

/* A second box while a model that was fitted on pairs is shown. */
function offerPair() {
  $("pair-box").hidden = !panels.some((panel) => panel.model.pairs);
}

let timer = 0;
function typed() {
  clearTimeout(timer);
  const letters = Array.from($("text").value + ($("pair-box").hidden ? "" : $("pair").value)).length;
  $("state").textContent = letters ? `${letters.toLocaleString("en")} characters` : "Nothing typed yet.";
  timer = setTimeout(() => panels.forEach((panel) => panel.look()), WAIT);
}

function compare() {
  const open = panels.length < 2;
  if (open) {
    const other = models.find((each) => each.name !== panels[0].model.name) ?? models[0];
    panels.push(new Panel(other.name));
    panels[1].look();
  } else {
    panels.pop().root.remove();
  }
  offerPair();
  $("compare").textContent = open ? "One model only" : "Compare two models";
  $("compare").setAttribute("aria-expanded", String(open));
}

/* ---- a file ---- */

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
  $("preview").replaceChildren();
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
      const part = await askPatiently("/predict", { texts, model: served }, asked.signal);
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
}

/* ---- beginning ---- */

async function begin() {
  try {
    models = await ask("/models");
  } catch (error) {
    trouble(error.message);
    return;
  }
  $("key-line").hidden = true;
  trouble("");
  if (!panels.length) panels = [new Panel(models[0].name)];
  $("compare").hidden = models.length < 2;
  offerPair();
  typed();
}

for (const name of ["text", "pair"]) $(name).addEventListener("input", typed);
$("compare").addEventListener("click", compare);
$("csv").addEventListener("change", () => $("csv").files[0] && takeFile($("csv").files[0]));
$("run").addEventListener("click", predictFile);
$("stop").addEventListener("click", () => stopping?.abort());
$("key-use").addEventListener("click", () => { key = $("key").value; begin(); });
for (const name of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0]);
  });
}
begin();
