// What is left of the key's quota, out of the headers `RateLimit` and `RateLimit-Policy`.

import { el } from "./dom.js";

/** `[{name, limit, left, reset}]`, with `reset` in seconds; empty where the headers say nothing. */
export function quotaOf(headers) {
  const limits = new Map(items(headers.get("ratelimit-policy")).map(([name, values]) => [name, values.q]));
  return items(headers.get("ratelimit")).map(([name, values]) => ({
    name,
    limit: limits.get(name) ?? values.r,
    left: values.r,
    reset: values.t,
  }));
}

/** `"requests";r=4;t=1, "tokens";r=90;t=3` as pairs of a name and its parameters. */
function items(text) {
  return (text ?? "").split(",").flatMap((item) => {
    const [name, ...parameters] = item.trim().split(";");
    if (!parameters.length) return [];
    const values = Object.fromEntries(parameters.map((one) => one.split("=")).map(([key, value]) => [key, Number(value)]));
    return [[name.replaceAll('"', ""), values]];
  });
}

export function quotaWords({ name, limit, left, reset }) {
  const again = left < limit && reset > 0 ? `, full again in ${reset.toLocaleString("en")} s` : "";
  return `${left.toLocaleString("en")} of ${limit.toLocaleString("en")} ${name} left${again}`;
}

/** Shows the quota as quiet bars. */
export function showQuota(node, quota) {
  node.replaceChildren(
    ...quota.map((one) => {
      const fill = el("span", { className: "fill" });
      fill.style.width = `${one.limit ? Math.min(100, (100 * one.left) / one.limit) : 0}%`;
      const words = `${one.left.toLocaleString("en")} of ${one.limit.toLocaleString("en")} ${one.name} left`;
      return el("span", { className: one.left ? "bar" : "bar empty" }, el("span", { className: "track" }, fill), words);
    }),
  );
}
