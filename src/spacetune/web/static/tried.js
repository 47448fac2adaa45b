"use strict";
/* What was tried on this page, the newest first: kept until it is closed, and nowhere else. */

const SETTLED = 1500; // milliseconds without a key after which a text counts as tried
const MOST_TRIED = 12;
let tried = []; // { text, pair, answers: { model: verdict } }
let settling = 0;

/* A button that puts a text, or a pair, into the boxes. */
function textButton(text, pair = "") {
  const button = make("button", [text, pair].filter(Boolean).join(" | "));
  button.type = "button";
  button.dir = "auto";
  button.addEventListener("click", () => { [$("text").value, $("pair").value] = [text, pair]; typed(); });
  return button;
}

function unsettle() {
  clearTimeout(settling);
}

/* Note the answers that are shown, once the text has stood for a while. */
function settle() {
  unsettle();
  settling = setTimeout(() => {
    const shown = panels.filter((panel) => panel.data);
    if (!shown.length) return;
    const text = $("text").value, pair = $("pair-box").hidden ? "" : $("pair").value;
    const same = (each) => each.text === text && each.pair === pair;
    const now = tried.find(same) ?? { text, pair, answers: {} };
    for (const panel of shown) now.answers[panel.model.name] = panel.part("verdict").textContent;
    tried = [now, ...tried.filter((each) => !same(each))].slice(0, MOST_TRIED);
    showTried();
  }, SETTLED);
}

function showTried() {
  const names = [...new Set(tried.flatMap((each) => Object.keys(each.answers)))];
  const head = make("tr");
  head.append(make("th", "text"), ...names.map((name) => make("th", names.length > 1 ? name : "prediction")));
  const lines = tried.map((each) => {
    const line = make("tr"), cell = make("td");
    cell.append(textButton(each.text, each.pair));
    line.append(cell, ...names.map((name) => make("td", each.answers[name] ?? "")));
    return line;
  });
  $("tried-texts").replaceChildren(head, ...lines);
  $("tried").hidden = !tried.length;
}

$("forget").addEventListener("click", () => { tried = []; showTried(); $("text").focus(); });
