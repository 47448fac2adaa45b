"use strict";
/* One model's view of the text. All text goes through textContent, so no text is ever markup. */

const MOST_CHANCES = 6, MOST_MEETINGS = 12, LONGEST_WORD = 24;
const maps = {}; // by model
let models = [];
let panels = [];

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

class Panel {
  constructor(model) {
    this.root = $("panel").content.firstElementChild.cloneNode(true);
    this.part = (name) => this.root.querySelector(`.${name}`);
    this.data = null;
    this.asked = null;
    this.chosen = null;
    this.troubled = false; // whether it showed the trouble that stands there
    this.wanted = {};
    for (const each of models) this.part("model").append(new Option(each.name, each.name, false, each.name === model));
    this.part("model").addEventListener("change", () => { this.chosen = null; offerPair(); offerColumns(); offerTries(); this.look(); });
    this.part("class").addEventListener("change", () => { this.chosen = Number(this.part("class").value); this.show(); remember(); });
    for (const name of ["against-what", "at"]) this.part(name).addEventListener("change", () => { this.show(); remember(); });
    this.part("words").addEventListener("click", (event) => this.dissect(event.target.closest(".w")));
    this.part("words").addEventListener("keydown", (event) => this.press(event));
    this.part("reach-box").addEventListener("toggle", () => this.reach());
    this.part("explanation-box").hidden = true;
    this.part("model-line").hidden = models.length < 2;
    $("panels").append(this.root);
  }

  get model() {
    return models.find((each) => each.name === this.part("model").value);
  }

  /* Arrow keys go from word to word, of which one is in the tab order; Enter dissects it. */
  press(event) {
    const words = Array.from(this.part("words").querySelectorAll(".w")), at = words.indexOf(event.target);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: words.length - 1 }[event.key];
    if (at < 0 || (next === undefined && !["Enter", " "].includes(event.key))) return;
    event.preventDefault();
    if (next === undefined) this.dissect(event.target);
    else if (words[next]) {
      event.target.tabIndex = -1;
      words[next].tabIndex = 0;
      words[next].focus();
    }
  }

  async look() {
    const text = this.model.pairs ? [$("text").value, $("pair").value] : $("text").value;
    this.asked?.abort();
    const filled = [text].flat().filter((part) => part.trim()).length;
    if (filled < [text].flat().length) {
      this.forget(filled ? `${this.model.name} reads two texts: one is missing.` : "");
      if (this.troubled) trouble("");
      this.troubled = false;
      remember();
      return;
    }
    const asked = (this.asked = new AbortController());
    try {
      const body = { texts: [text], model: this.model.name };
      const [explanation, places] = await Promise.all([
        askPatiently("explain", body, asked.signal),
        this.model.map ? askPatiently("place", body, asked.signal) : null,
      ]);
      if (asked.signal.aborted) return;
      this.data = explanation.texts[0];
      this.place = places?.[0];
      trouble("");
      this.show();
      remember();
      settle();
      await this.drawMap();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.forget("");
      this.troubled = true;
      trouble(error.message.replace(/^text \d+ /, "the text "));
    }
  }

  /* Nothing is known of the text that is typed. */
  forget(why) {
    this.data = null;
    this.part("verdict").textContent = why;
    this.part("explanation-box").hidden = true;
  }

  show() {
    const data = this.data;
    if (!data) return;
    const strongest = data.logits.indexOf(Math.max(...data.logits));
    const named = data.classes.map(String).indexOf(this.wanted.of);
    if (this.chosen === null && named >= 0) this.chosen = named;
    const column = this.chosen ?? strongest;
    const [said, sure] = verdict(data, strongest);
    this.part("verdict").replaceChildren(make("bdi", said), sure);
    this.part("explanation-box").hidden = false;
    this.showChances(data);
    for (const name of ["of-box", "against-box"]) this.part(name).hidden = data.classes.length < 2;
    this.part("at-box").hidden = !Object.keys(data.views ?? {}).length;
    const options = data.classes.map((name, i) => new Option(name, i, false, i === column));
    this.part("class").replaceChildren(...options);
    const against = this.wanted.against ?? this.part("against-what").value;
    const looked = this.wanted.at ?? this.part("at").value, at = data.views?.[looked] ? looked : data.at;
    this.wanted = {};
    offer(this.part("against-what"), this.part("at"), data, { column, against, at });
    const found = answer(data, { column, against: this.part("against-what").value, at });
    this.part("meaning").textContent = MEANINGS[at];
    spell(this.part("words"), data);
    colour(this.part("words"), found);
    this.part("words").querySelectorAll(".w").forEach((span, i) => {
      span.tabIndex = i ? -1 : 0;
      span.setAttribute("role", "button");
      span.setAttribute("aria-label", span.title);
    });
    if (![data.text, ...[data.text].flat()].map((text) => JSON.stringify(text)).includes(this.dissected?.text)) this.part("dissection").hidden = true;
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
      found = (await askPatiently("reach", { texts: [data.text], model: this.model.name })).texts[0];
    } catch (error) {
      trouble(error.message);
      return;
    }
    if (this.data !== data) return;
    this.reached = data;
    const largest = Math.max(1e-12, ...found.scores.flat().map(Math.abs));
    const head = make("tr");
    head.append(make("th", "state of ↓ brought by →", "corner"), ...found.words.map((word) => Object.assign(make("th", shortened(word)), { title: word })));
    const lines = found.scores.map((row, i) => shaded(shortened(found.words[i]), row, largest));
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
      const asked = JSON.stringify(read);
      if (this.dissected?.text !== asked || this.dissected.model !== this.model.name) {
        const told = await askPatiently("dissect", { texts: [read], model: this.model.name });
        this.dissected = { text: asked, model: this.model.name, found: told.texts[0] };
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
    drawMap(this.part("map"), this.part("legend"), await mapOf(this.model.name), this.place.position);
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

/* A number that was predicted: three decimals, or three digits where it is small; as in reports/document.py. */
const numbered = (value) => (value === 0 || Math.abs(value) >= 0.1 ? value.toFixed(3) : value.toPrecision(3));

/* What is predicted, and how sure the model is. */
function verdict(data, strongest) {
  if (Array.isArray(data.predicted)) return [data.predicted.length ? data.predicted.join(", ") : "no label", ""];
  if (!data.probabilities) return [numbered(data.predicted), ""];
  return [String(data.predicted), ` (${(100 * data.probabilities[strongest]).toFixed(1)} %)`];
}

const shortened = (word) => (Array.from(word).length > LONGEST_WORD ? `${Array.from(word).slice(0, LONGEST_WORD).join("")}…` : word);

async function mapOf(name) {
  return (maps[name] ??= await ask(`map?model=${encodeURIComponent(name)}`));
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
