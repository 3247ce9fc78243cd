// Where a chat would go, as `POST /api/v1/explain` tells it.

import { el } from "./dom.js";

/** Fills `node` with a plan. */
export function showPlan(node, plan, known) {
  const steps = plan.endpoints.map((endpoint) => {
    const { demonstration } = known(endpoint.provider, endpoint.model);
    return el("li", {},
      el("span", { className: "by", textContent: `${endpoint.provider}/${endpoint.model}` }),
      el("span", { className: "tag", textContent: endpoint.locality.replace("_", " ") }),
      demonstration ? el("span", { className: "tag warn", textContent: "demonstration" }) : null,
      el("span", { className: endpoint.breaker === "closed" ? "tag good" : "tag warn",
        textContent: endpoint.breaker === "closed" ? "healthy" : `breaker ${endpoint.breaker.replace("_", " ")}` }));
  });
  const skips = plan.skipped.map((skip) =>
    el("li", {}, el("span", { className: "by", textContent: skip.name }), ` ${skip.reason}`));
  const how = plan.pinned ? "The model is named, so there is no fallback." : plan.endpoints.length > 1
    ? "Asked in this order; the next one only where one before it fails." : "";
  fill(node,
    el("ol", { className: "steps" }, ...steps),
    how ? el("p", { className: "note", textContent: how }) : null,
    skips.length ? el("h3", { textContent: "Left out" }) : null,
    skips.length ? el("ul", { className: "skips" }, ...skips) : null);
}

/** Says why there is no plan. */
export function showNoPlan(node, refusal) {
  fill(node, el("p", { className: "error", textContent: refusal.message }),
    refusal.errors?.length ? el("ul", {}, ...refusal.errors.map((fault) =>
      el("li", {}, el("code", { textContent: fault.path || "body" }), ` ${fault.message}`))) : null);
}

function fill(node, ...content) {
  node.replaceChildren(...content.filter(Boolean));
}
