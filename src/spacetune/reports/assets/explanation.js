"use strict";
/* Words coloured by their part in a logit, and the sum they add up to. Used by reports and by the served page.
   `data` is what TextExplanation.to_dict gives. Characters are counted as code points, as Python counts them. */

const SHOWN_WORDS = 12;

function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function signed(value) {
  return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
}

/* Fill `box` with the text, one span a word. */
function spell(box, data) {
  box.replaceChildren();
  const texts = Array.isArray(data.text) ? data.text : [data.text];
  texts.forEach((text, part) => {
    const characters = Array.from(text);
    const line = make("div");
    line.dir = "auto";
    let at = 0;
    data.words.forEach((word, i) => {
      if (word.part !== part) return;
      line.append(characters.slice(at, word.start).join(""));
      const span = make("span", characters.slice(word.start, word.stop).join(""), "w");
      span.dataset.i = i;
      line.append(span);
      at = word.stop;
    });
    const rest = characters.slice(at).join("");
    line.append(data.truncated && rest.trim() ? make("span", rest, "cut") : rest);
    box.append(line);
  });
}

/* What a score means, by where the tokens are looked at; as in explanations/text.py. */
const MEANINGS = {
  input: "A score is what a word, as it goes into the encoder, brings to the logit through all that became of it.",
  both: "A score is what a word's place brings to the logit, on the mean over every depth from the word as it goes in to the states that are read.",
  states: "A score is what a word's states bring to the logit where they are read, other words mixed into them.",
};
const VIEWS = { input: "the words as they go in", both: "every depth", states: "the states that are read" };

/* The answer to a question: a class (column) alone, against another (its column) or against the "rest", looked at
   in one view. Scores by word, bias, and the logit that they add up to. */
function answer(data, { column, against = "", at = data.at }) {
  const others = data.logits.map((logit, i) => (i === column ? -Infinity : logit));
  const top = Math.max(...others);
  const odds = against === "rest" ? others.map((logit) => Math.exp(logit - top)) : data.logits.map((_, i) => Number(String(i) === String(against)));
  const total = odds.reduce((sum, each) => sum + each, 0);
  const asked = data.logits.map((_, i) => Number(i === column) - (against === "" ? 0 : odds[i] / total));
  const along = (row) => row.reduce((sum, value, i) => sum + value * asked[i], 0);
  const less = against === "" ? "" : against === "rest" ? " less that of the rest" : ` less that of ${data.classes[against]}`;
  return {
    scores: (data.views?.[at] ?? data.word_scores).map(along),
    bias: along(data.bias),
    logit: along(data.logits),
    name: data.unit ? data.unit.name : `logit of ${data.classes[column]}${less}`,
  };
}

/* Offer the questions besides the class: against what, and where the words are looked at. */
function offer(against, at, data, chosen) {
  const rest = data.classes.length > 2 && !data.independent ? [new Option("the rest", "rest", false, chosen.against === "rest")] : [];
  const others = data.classes.flatMap((name, i) => (i === chosen.column ? [] : [new Option(name, i, false, String(chosen.against) === String(i))]));
  against.replaceChildren(new Option("nothing", ""), ...rest, ...others);
  at.replaceChildren(...Object.keys(data.views ?? {}).map((name) => new Option(VIEWS[name], name, false, name === chosen.at)));
}

/* Colour the words in `box` by their scores. */
function colour(box, { scores }) {
  const largest = Math.max(1e-12, ...scores.map(Math.abs));
  for (const span of box.querySelectorAll(".w")) {
    const score = scores[span.dataset.i];
    span.className = score < 0 ? "w against" : "w for";
    span.style.setProperty("--v", (Math.abs(score) / largest).toFixed(3));
    span.title = `${span.textContent}: ${signed(score)}`;
  }
}

/* The rows of the sum: the strongest words, the other words together, the special tokens, the bias, and the logit. */
function terms(data, { scores, bias }) {
  const rows = data.words.map((word, i) => ({ name: word.word, score: scores[i], special: word.part < 0 }));
  const words = rows.filter((row) => !row.special).sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  const others = words.slice(SHOWN_WORDS);
  const total = (list) => list.reduce((sum, row) => sum + row.score, 0);
  const listed = words.slice(0, SHOWN_WORDS);
  if (others.length) listed.push({ name: `${others.length} other ${others.length === 1 ? "word" : "words"}`, score: total(others), own: true });
  listed.push({ name: "special tokens", score: total(rows.filter((row) => row.special)), own: true });
  listed.push({ name: "bias", score: bias, own: true });
  return listed;
}

/* Fill the table `sum` with the terms and the logit. */
function addUp(sum, data, found) {
  const rows = terms(data, found);
  const largest = Math.max(1e-12, ...rows.map((row) => Math.abs(row.score)));
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr", undefined, row.score < 0 ? "against" : "for");
    const name = make("td", row.name, row.own ? "faint" : undefined);
    name.dir = "auto";
    const bar = make("td", undefined, "bar");
    const fill = make("i");
    fill.style.setProperty("--v", (Math.abs(row.score) / largest).toFixed(3));
    bar.append(fill);
    const number = make("td", signed(row.score), "number term");
    number.dataset.exact = row.score;
    line.append(name, bar, number);
    body.append(line);
  }
  const total = make("tr", undefined, "total");
  const logit = make("td", signed(found.logit), "number logit");
  logit.dataset.exact = found.logit;
  total.append(make("td", `= ${found.name}`), make("td"), logit);
  body.append(total);
  sum.replaceChildren(body);
}

/* Reports: every explanation carries its data; the switches redraw it for another question. */
for (const one of document.querySelectorAll(".explanation")) {
  const data = JSON.parse(one.querySelector("script").textContent);
  const [of, against, at] = ["of", "against", "at"].map((name) => one.querySelector(`select.${name}`));
  const redraw = () => {
    const column = of ? Number(of.value) : 0;
    if (against) offer(against, at ?? make("select"), data, { column, against: against.value === of.value ? "" : against.value, at: at?.value });
    const found = answer(data, { column, against: against?.value, at: at?.value });
    colour(one.querySelector(".words"), found);
    addUp(one.querySelector(".sum"), data, found);
    one.querySelector(".meaning").textContent = MEANINGS[at?.value ?? data.at];
  };
  for (const choice of [of, against, at]) choice?.addEventListener("change", redraw);
}
document.documentElement.dataset.height = document.documentElement.scrollHeight;
