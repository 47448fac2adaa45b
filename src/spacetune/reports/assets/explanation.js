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

/* Colour the words in `box` by their scores for the class in this column. */
function colour(box, data, column) {
  const largest = Math.max(1e-12, ...data.word_scores.map((row) => Math.abs(row[column])));
  for (const span of box.querySelectorAll(".w")) {
    const score = data.word_scores[span.dataset.i][column];
    span.className = score < 0 ? "w against" : "w for";
    span.style.setProperty("--v", (Math.abs(score) / largest).toFixed(3));
    span.title = `${span.textContent}: ${signed(score)}`;
  }
}

/* The rows of the sum: the strongest words, the other words together, the special tokens, the bias, and the logit. */
function terms(data, column) {
  const rows = data.words.map((word, i) => ({ name: word.word, score: data.word_scores[i][column], special: word.part < 0 }));
  const words = rows.filter((row) => !row.special).sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  const others = words.slice(SHOWN_WORDS);
  const total = (list) => list.reduce((sum, row) => sum + row.score, 0);
  const listed = words.slice(0, SHOWN_WORDS);
  if (others.length) listed.push({ name: `${others.length} other ${others.length === 1 ? "word" : "words"}`, score: total(others), own: true });
  listed.push({ name: "special tokens", score: total(rows.filter((row) => row.special)), own: true });
  listed.push({ name: "bias", score: data.bias[column], own: true });
  return listed;
}

/* Fill the table `sum` with the terms and the logit. */
function addUp(sum, data, column) {
  const rows = terms(data, column);
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
  const logit = make("td", signed(data.logits[column]), "number logit");
  logit.dataset.exact = data.logits[column];
  total.append(make("td", `= logit of ${data.classes[column]}`), make("td"), logit);
  body.append(total);
  sum.replaceChildren(body);
}

/* Reports: every explanation carries its data; the switch redraws it for another class. */
for (const one of document.querySelectorAll(".explanation")) {
  const data = JSON.parse(one.querySelector("script").textContent);
  const choice = one.querySelector("select");
  choice?.addEventListener("change", () => {
    colour(one.querySelector(".words"), data, Number(choice.value));
    addUp(one.querySelector(".sum"), data, Number(choice.value));
  });
}
document.documentElement.dataset.height = document.documentElement.scrollHeight;
