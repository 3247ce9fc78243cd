// What the gateway did for an answer: a line of it, more on demand, and the decision record.

import { button, el, line } from "./dom.js";
import { quotaWords } from "./quota.js";
import { recordTree } from "./record.js";

const ENDS = { length: "cut at the token limit", content_filter: "stopped by the provider’s filter" };
const CACHE = { hit: "from the cache", miss: "not in the cache", coalesced: "shared with an equal request",
  bypass: "cache bypassed" };

/** Seconds as people read them. */
export function seconds(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** What an answer cost: null is a price that nobody knows, undefined an answer that told none. */
export function dollars(microdollars) {
  if (microdollars == null) return microdollars === null ? "unknown" : null;
  return microdollars === 0 ? "$0" : `$${(microdollars / 1e6).toFixed(6)}`;
}

/** The details of one answer. `facts` is what `turn.js` gathered; `ask` fetches the record of a request id. */
export function factsOf(facts, ask) {
  const { provider, model, cache, locality, demonstration, usage, first, total, end } = facts;
  const summary = el("summary", {},
    el("span", { className: "by", textContent: line([provider && `${provider}/${model ?? "?"}`]) || "unknown endpoint" }),
    demonstration ? el("span", { className: "tag warn", textContent: "demonstration" }) : null,
    locality ? el("span", { className: "tag", textContent: locality.replace("_", " ") }) : null,
    cache ? el("span", { className: cache === "hit" ? "tag good" : "tag", textContent: `cache ${cache}` }) : null,
    end in ENDS ? el("span", { className: "tag warn", textContent: ENDS[end] }) : null,
    el("span", { className: "figures", textContent: line([
      usage && `${usage.prompt_tokens} + ${usage.completion_tokens} tokens`,
      first !== null && `first token ${seconds(first)}`,
      `${seconds(total)} in all`,
    ]) }));
  return el("details", { className: "facts" }, summary, timeline(first, total), table(facts), recordPart(facts, ask));
}

/** Waiting and streaming as lengths. */
function timeline(first, total) {
  if (first === null || !total) return null;
  const wait = el("span", { className: "wait" });
  wait.style.width = `${(100 * first) / total}%`;
  const words = `${seconds(first)} to the first token, then ${seconds(total - first)} of streaming`;
  return el("div", { className: "timeline", role: "img", ariaLabel: words, title: words }, wait,
    el("span", { className: "flow" }));
}

function table(facts) {
  const { usage, served } = facts;
  const rows = [
    ["Answered by", line([facts.provider, facts.model, served && served !== facts.model && `as ${served}`])],
    ["Cache", facts.cache && `${facts.cache}: ${CACHE[facts.cache] ?? facts.cache}`],
    ["Tokens", usage && line([
      `${usage.prompt_tokens} prompt`,
      `${usage.completion_tokens} completion`,
      usage.reasoning_tokens > 0 && `${usage.reasoning_tokens} of them reasoning`,
      usage.cached_tokens > 0 && `${usage.cached_tokens} of the prompt cached by the provider`,
      `${usage.total_tokens} in all`,
    ])],
    ["Cost", dollars(facts.cost)],
    ["Ended with", facts.end],
    ["Ignored", facts.ignored],
    ["Queue", facts.queue && `waited from place ${facts.queue}`],
    ["Quota", facts.quota.map(quotaWords).join("; ")],
    ["Request id", facts.id],
  ];
  return el("dl", { className: "table" },
    ...rows.filter(([, value]) => value).flatMap(([name, value]) => [
      el("dt", { textContent: name }), el("dd", { textContent: value }),
    ]));
}

function recordPart({ id }, ask) {
  if (!id) return null;
  const part = el("div", { className: "record" });
  const show = button("Decision record", async () => {
    show.disabled = true;
    try {
      const record = await ask(id);
      part.replaceChildren(record === null
        ? el("p", { className: "note", textContent: "This gateway keeps no decision record of this request, or not any more." })
        : el("div", {}, el("h4", { textContent: "Decision record" }), recordTree(record)));
    } catch (error) {
      show.disabled = false;
      part.replaceChildren(show, el("p", { className: "error", role: "alert", textContent: error.message }));
    }
  });
  part.append(show);
  return part;
}
