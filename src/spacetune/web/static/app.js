"use strict";
/* The page: texts to try, what is typed, one model or two, and a link to share. */

const WAIT = 180; // milliseconds after the last key
const MOST_TRIES = 4, LONGEST_TRY = 90; // letters
const TRIES = [["It came late and the box was torn, but the thing itself is great."], ["I forgot my password and cannot log in."], ["The bank raised its rates again."]];
const PAIRS = [["Where is my parcel?", "My order has not arrived yet."], ["Can I change my address?", "How do I close my account?"]];

/* A second box while a model that was fitted on pairs is shown. */
function offerPair() {
  $("pair-box").hidden = !panels.some((panel) => panel.model.pairs);
}

/* Texts to click: a short one of each class where the server has examples, else a few that fit any model. */
async function offerTries() {
  const model = panels[0].model;
  let tries = model.pairs ? PAIRS : TRIES;
  if (model.map) {
    const map = await mapOf(model.name), seen = new Set();
    tries = map.texts.map((text) => [text].flat()).filter((text, i) => {
      const good = !seen.has(map.labels[i]) && text.join(" ").length <= LONGEST_TRY;
      return good && seen.add(map.labels[i]);
    }).slice(0, MOST_TRIES);
  }
  $("examples").replaceChildren(...tries.map(([first, second]) => textButton(first, second)));
  $("try").hidden = !tries.length;
}

/* What is asked stands behind the # of the address, which no browser sends to a server. */
function remember() {
  const told = new URLSearchParams();
  for (const name of ["text", "pair"]) if ($(name).value && !$(`${name}-box`)?.hidden) told.set(name, $(name).value);
  for (const panel of panels) told.append("model", panel.model.name);
  const first = panels[0];
  if (first.chosen !== null && first.data) told.set("of", first.data.classes[first.chosen]);
  if (first.part("against-what").value) told.set("against", first.part("against-what").value);
  if (first.data && first.part("at").value && first.part("at").value !== first.data.at) told.set("at", first.part("at").value);
  history.replaceState(null, "", $("text").value ? `#${told}` : location.pathname + location.search);
}

function recall() {
  if (!models.length) return; // they come once the key is given
  const told = new URLSearchParams(location.hash.slice(1));
  const names = told.getAll("model").filter((name) => models.some((each) => each.name === name));
  panels.forEach((panel) => panel.root.remove());
  panels = [];
  for (const name of names.length ? names.slice(0, 2) : [models[0].name]) panels.push(new Panel(name));
  panels[0].wanted = Object.fromEntries(["of", "against", "at"].map((name) => [name, told.get(name) ?? undefined]));
  for (const name of ["text", "pair"]) if (told.has(name)) $(name).value = told.get(name);
  showComparison();
}

async function share() {
  remember();
  try {
    await navigator.clipboard.writeText(location.href);
    $("shared").textContent = "Copied.";
  } catch {
    $("shared").textContent = "The browser did not allow copying; the link is in the address bar.";
  }
}

let timer = 0;
function typed() {
  clearTimeout(timer);
  unsettle();
  const letters = Array.from($("text").value + ($("pair-box").hidden ? "" : $("pair").value)).length;
  $("state").textContent = letters ? `${letters.toLocaleString("en")} characters` : "Nothing typed yet.";
  $("welcome").hidden = letters > 0;
  $("share").hidden = !letters;
  $("shared").textContent = "";
  timer = setTimeout(() => panels.forEach((panel) => panel.look()), WAIT);
}

function compare() {
  if (panels.length < 2) {
    const other = models.find((each) => each.name !== panels[0].model.name) ?? models[0];
    panels.push(new Panel(other.name));
    panels[1].look();
  } else {
    panels.pop().root.remove();
    remember();
  }
  showComparison();
}

function showComparison() {
  const open = panels.length > 1;
  offerPair();
  $("compare").textContent = open ? "One model only" : "Compare two models";
  $("compare").setAttribute("aria-expanded", String(open));
}

async function begin() {
  try {
    models = await ask("models");
  } catch (error) {
    trouble(error.message);
    return;
  }
  $("key-line").hidden = true;
  trouble("");
  if (!panels.length) recall();
  $("compare").hidden = models.length < 2;
  offerPair();
  typed();
  await offerTries();
}

for (const name of ["text", "pair"]) $(name).addEventListener("input", typed);
$("compare").addEventListener("click", compare);
$("share").addEventListener("click", share);
window.addEventListener("hashchange", () => { recall(); typed(); });
$("key-use").addEventListener("click", () => { key = $("key").value; begin(); });
$("key").addEventListener("keydown", (event) => { if (event.key === "Enter") $("key-use").click(); });
begin();
