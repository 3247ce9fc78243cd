// The latest requests of the key, as the gateway keeps them: a line each, and the decision record on demand.

import { el, line } from "./dom.js";
import { dollars, seconds } from "./facts.js";
import { recordTree } from "./record.js";

const OUTCOMES = { answered: "", left: "warn" };

/** Fills `node` with what `ask` fetches. */
export async function showRequests(node, ask) {
  try {
    const requests = await ask();
    node.replaceChildren(requests?.length ? el("ul", { className: "requests" }, ...requests.map(item))
      : el("p", { className: "note", textContent: requests ? "No request of this key is kept: the latest are, for an hour."
        : "This gateway keeps no list of requests." }));
  } catch (error) {
    node.replaceChildren(el("p", { className: "error", role: "alert", textContent: error.message }));
    throw error;
  }
}

function item(record) {
  const { provider, model, outcome, cache, created, usage, queue } = record;
  return el("li", {}, el("details", { className: "facts" },
    el("summary", {},
      el("time", { textContent: new Date(created * 1000).toLocaleTimeString() }),
      el("span", { className: "by", textContent: provider ? `${provider}/${model}` : "no endpoint" }),
      el("span", { className: `tag ${OUTCOMES[outcome] ?? "bad"}`, textContent: outcome }),
      cache ? el("span", { className: cache === "hit" ? "tag good" : "tag", textContent: `cache ${cache}` }) : null,
      el("span", { className: "figures", textContent: line([
        usage && `${usage.prompt_tokens} + ${usage.completion_tokens} tokens`,
        `${seconds(1000 * record.seconds)} in all`,
        dollars(record.cost_microdollars ?? undefined),
        queue && `waited ${seconds(1000 * queue.seconds)} from place ${queue.position}`,
      ]) })),
    recordTree(record)));
}
