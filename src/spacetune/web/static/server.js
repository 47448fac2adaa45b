"use strict";
/* Asking the server; what goes wrong is shown, never swallowed. */

const $ = (id) => document.getElementById(id);
let key = "";

function trouble(message) {
  $("trouble").textContent = message;
  $("trouble").hidden = !message;
}
window.addEventListener("error", (event) => trouble(`The page failed: ${event.message}`));
window.addEventListener("unhandledrejection", (event) => trouble(`The page failed: ${event.reason?.message ?? event.reason}`));

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
