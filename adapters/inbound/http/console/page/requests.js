// The latest requests of the key, as the gateway keeps them: a line each, and the decision record on demand.

import { el, line } from "./dom.js";
import { seconds } from "./facts.js";
import { plain, recordTree } from "./record.js";

const OUTCOMES = { answered: "", left: "warn" };
const MEASURED = /^(cost|queue)/; // fields that only some gateways have, as they name them

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
  const { provider, model, outcome, cache, created, usage } = record;
  return el("li", {}, el("details", { className: "facts" },
    el("summary", {},
      el("time", { textContent: new Date(created * 1000).toLocaleTimeString() }),
      el("span", { className: "by", textContent: provider ? `${provider}/${model}` : "no endpoint" }),
      el("span", { className: `tag ${OUTCOMES[outcome] ?? "bad"}`, textContent: outcome }),
      cache ? el("span", { className: cache === "hit" ? "tag good" : "tag", textContent: `cache ${cache}` }) : null,
      el("span", { className: "figures", textContent: line([
        usage && `${usage.prompt_tokens} + ${usage.completion_tokens} tokens`,
        `${seconds(1000 * record.seconds)} in all`,
        ...Object.entries(record).filter(([name, value]) => MEASURED.test(name) && value !== null)
          .map(([name, value]) => `${name.replaceAll("_", " ")} ${flat(value)}`),
      ]) })),
    recordTree(record)));
}

/** A value with all that is within it, as one run of words. */
function flat(value) {
  if (value === null || typeof value !== "object") return plain(value);
  return Object.entries(value).filter(([, inner]) => inner !== null)
    .map(([name, inner]) => (Array.isArray(value) ? flat(inner) : `${name.replaceAll("_", " ")} ${flat(inner)}`)).join(" ");
}
