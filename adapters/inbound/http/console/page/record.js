// A decision record, whatever its fields are.

import { el, line } from "./dom.js";

const PRECISE = { maximumFractionDigits: 3, maximumSignificantDigits: 3, roundingPriority: "morePrecision", useGrouping: false };
const SHORT = 5; // as many plain values stand on one line

/** Any JSON value as nested lists: the record's shape is the gateway's own business. What is null is left out. */
export function recordTree(value) {
  if (!isNested(value)) return el("span", { textContent: plain(value) });
  if (Array.isArray(value)) {
    return value.some(isNested) ? el("ol", {}, ...value.map((one) => el("li", {}, recordTree(one))))
      : el("span", { textContent: value.map(plain).join(", ") || "none" });
  }
  const entries = Object.entries(value).filter(([, inner]) => inner !== null)
    .map(([name, inner]) => [name.replaceAll("_", " "), name === "created" ? when(inner) : inner]);
  return entries.length <= SHORT && !entries.some(([, inner]) => isNested(inner))
    ? el("span", { textContent: line(entries.map(([name, inner]) => `${name} ${plain(inner)}`)) })
    : el("dl", { className: "table" }, ...entries.flatMap(([name, inner]) => [
      el("dt", { textContent: name }), el("dd", {}, recordTree(inner)),
    ]));
}

function isNested(value) {
  return value !== null && typeof value === "object";
}

/** Unix seconds as a time of day. */
function when(value) {
  return typeof value === "number" ? new Date(value * 1000).toLocaleString() : value;
}

/** One value as people read it. */
function plain(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? value.toLocaleString("en", PRECISE) : `${value}`;
}
