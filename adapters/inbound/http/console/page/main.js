// Wires the page: the key, the composer, the conversation.

import { offer, Endpoints } from "./endpoints.js";
import { Gateway, isSendable, Refusal } from "./gateway.js";
import { showQuota } from "./quota.js";
import { Tools } from "./tools.js";
import { Turn } from "./turn.js";

const $ = (id) => document.getElementById(id);
const gateway = new Gateway();
const endpoints = new Endpoints();
const known = (provider, model) => endpoints.known(provider, model);
const tools = new Tools({ gateway, known, body: next, withKey, failed });
let turns = [];
let offered = false; // the demonstration's key: once, as a person may have taken it out again
let running = null; // the AbortController of the answer under way

// --- the state of the gateway, which needs no key

async function look() {
  try {
    const { status, endpoints: states } = await gateway.readiness();
    endpoints.learn(states);
    const usable = endpoints.usable.length;
    const words = { ready: `${usable} ${usable === 1 ? "endpoint" : "endpoints"} ready`, draining: "shutting down",
      no_endpoint: "no endpoint is usable" };
    tell(words[status] ?? "state unknown", status === "ready" ? "good" : "bad");
    if (status === "ready" && endpoints.demonstration) tell("demonstration model, often wrong", "warn");
    $("demo-key").hidden = !endpoints.demonstration;
    if (endpoints.demonstration && !offered && !gateway.keyed && !$("key").value) {
      $("key").value = $("demo-key").querySelector("code").textContent;
      offered = true;
    }
  } catch (error) {
    tell(error instanceof Refusal ? "not reachable" : "state unknown", "bad");
  }
  offer($("model"), endpoints.choices(null));
}

function tell(text, kind) {
  $("state").textContent = text;
  $("state").className = `state ${kind}`;
}

// --- the key

$("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await takeKey()) $("prompt").focus();
});

/** Takes the key that was typed. Whether there is one that may be used; where there is none, it is asked for. */
async function takeKey() {
  const key = $("key").value.trim();
  if (!isSendable(key)) return wantKey(key ? "A key has letters, digits and signs, and no spaces." : "Enter a key first.");
  gateway.use(key);
  let models = null; // any other refusal of the list says nothing against asking: the endpoints stand in for it
  try {
    models = await gateway.models();
  } catch (error) {
    if (error.status === 401 || error.status === 0) return wantKey(error.message);
  }
  await look(); // which may have become another since the page came
  if (models !== null) offer($("model"), endpoints.choices(models, [...$("hint").options].map((one) => one.value)));
  $("key").value = "";
  $("key-error").textContent = "";
  arrange();
  return true;
}

$("forget").addEventListener("click", () => wantKey(""));

/** Forgets the key, and asks for one: false, as there is none. */
function wantKey(why) {
  gateway.forget();
  tools.close();
  $("key").value = "";
  arrange();
  $("key-error").textContent = why;
  $("key").focus();
  return false;
}

// --- asking

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask($("prompt").value);
});
$("stop").addEventListener("click", () => running?.abort());
$("fresh").addEventListener("click", () => {
  running?.abort();
  turns = [];
  $("turns").replaceChildren();
  arrange();
  $("prompt").focus();
});
for (const idea of $("ideas").querySelectorAll("button")) {
  idea.addEventListener("click", () => ask(idea.textContent));
}

function bodyOf(question, before = turns) {
  const chosen = { model: $("model").value, model_hint: $("hint").value };
  const mode = $("cache").value;
  const { system, parameters } = tools.stated;
  return {
    messages: [...(system ? [{ role: "system", content: system }] : []), ...before.flatMap((turn) => turn.messages),
      { role: "user", content: question }],
    ...parameters,
    ...Object.fromEntries(Object.entries(chosen).filter(([, value]) => value)),
    ...(mode === "use" ? {} : { cache: { mode } }),
  };
}

/** The request that stands in the composer, or else the last one with what is chosen now. */
function next() {
  const question = $("prompt").value.trim();
  return question || !turns.length ? bodyOf(question || "Hello") : bodyOf(turns.at(-1).question, turns.slice(0, -1));
}

async function withKey() {
  return gateway.keyed || takeKey();
}

function failed(error) {
  if (error?.status === 401) wantKey(error.message);
}

async function ask(question) {
  if (running || !question.trim()) return;
  if (!(await withKey())) return;
  const body = bodyOf(question);
  const turn = new Turn(question, { known, record: (id) => gateway.record(id), again });
  turns.push(turn);
  $("turns").append(turn.node);
  $("prompt").value = "";
  running = new AbortController();
  tools.close();
  arrange();
  scrollAlong(Infinity);
  const error = await follow(turn, body, running.signal);
  running = null;
  const quota = turn.ends(error);
  if (quota.length) showQuota($("quota"), quota);
  arrange();
  scrollAlong(400);
  failed(error);
}

/** Feeds an answer to its turn. Returns what ended it early, or null. */
async function follow(turn, body, signal) {
  try {
    const { headers, events } = await gateway.chat(body, signal);
    turn.begins(headers);
    for await (const event of events) {
      turn.takes(event);
      scrollAlong(160);
    }
    return null;
  } catch (error) {
    return signal.aborted ? new DOMException("Stopped.", "AbortError") : error;
  }
}

function again(turn) {
  if (running) return;
  turns = turns.filter((one) => one !== turn);
  turn.node.remove();
  ask(turn.question);
}

/** Keeps the end in view for who is that near to it, in pixels, and leaves alone who scrolled up to read. */
function scrollAlong(near) {
  const page = document.documentElement;
  const below = page.scrollHeight - page.clientHeight - page.scrollTop;
  if (below < near) page.scrollTop = page.scrollHeight;
}

// --- the keyboard, and what shows when

$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    ask($("prompt").value);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("requests").open) return;
  if (running) running.abort();
  else tools.close();
});

if (!CSS.supports("field-sizing", "content")) {
  $("prompt").addEventListener("input", () => {
    $("prompt").style.height = "auto";
    $("prompt").style.height = `${$("prompt").scrollHeight}px`;
  });
}

function arrange() {
  $("welcome").hidden = turns.length > 0 && gateway.keyed;
  $("key-form").hidden = gateway.keyed;
  $("ideas").hidden = !gateway.keyed || turns.length > 0;
  $("show-requests").hidden = !gateway.keyed;
  $("forget").hidden = !gateway.keyed;
  $("fresh").hidden = turns.length === 0;
  $("stop").hidden = running === null;
  $("send").hidden = running !== null;
  document.body.classList.toggle("keyed", gateway.keyed);
}

arrange();
look();
