// One question and its answer, from the moment it is sent.

import { button, copyButton, el } from "./dom.js";
import { factsOf, seconds } from "./facts.js";
import { Refusal } from "./gateway.js";
import { Prose } from "./prose.js";
import { quotaOf } from "./quota.js";

export class Turn {
  #began = performance.now();
  #first = null;
  #headers = null;
  #done = null;
  #reasoning = "";
  #painting = 0;
  #ticking = 0;
  #prose;
  #thoughts = el("p");
  answer = "";

  /** `known` says of a provider and a model what readiness said; `record` fetches a decision record. */
  constructor(question, { known, record, again }) {
    Object.assign(this, { question, known, record, again });
    this.body = el("div", { className: "answer", ariaLive: "polite", ariaBusy: "true" });
    this.#prose = new Prose(this.body);
    this.waiting = el("p", { className: "waiting", ariaHidden: "true" },
      el("span", { className: "pulse" }), el("span", { className: "clock" }));
    this.thinking = el("details", { className: "thinking", hidden: true },
      el("summary", { textContent: "Reasoning" }), this.#thoughts);
    this.rest = el("div", { className: "rest" });
    this.node = el("li", { className: "turn" },
      el("div", { className: "question" }, el("span", { className: "hidden", textContent: "You: " }), question),
      this.thinking, this.body, this.waiting, this.rest);
    this.#ticking = setInterval(() => this.#tick(), 100);
  }

  /** What was said, as the next request repeats it; nothing of a turn that has no answer. */
  get messages() {
    if (!this.answer) return [];
    const extra = this.#done?.extra_content;
    return [
      { role: "user", content: this.question },
      { role: "assistant", content: this.answer, ...(extra === undefined ? {} : { extra_content: extra }) },
    ];
  }

  begins(headers) {
    this.#headers = headers;
  }

  takes({ name, data }) {
    if (name === "done") {
      this.#done = data;
      return;
    }
    this.#first ??= performance.now() - this.#began;
    this.answer += data.content ?? "";
    this.#reasoning += data.reasoning ?? "";
    this.#painting ||= requestAnimationFrame(() => this.#paint());
  }

  /** The end of it: whole, or `error`, which an abort is too. Returns the quota as it stands now. */
  ends(error = null) {
    clearInterval(this.#ticking);
    cancelAnimationFrame(this.#painting);
    this.#paint();
    this.waiting.remove();
    this.body.ariaBusy = "false";
    const headers = this.#headers ?? error?.headers ?? null;
    const facts = this.#facts(headers, error);
    if (error !== null) this.rest.append(this.#failed(error));
    if (this.#done && !this.answer) this.rest.append(el("p", { className: "note", textContent: "The answer has no text." }));
    if (this.#done?.warning) this.rest.append(el("p", { className: "note", textContent: this.#done.warning }));
    if (this.#headers) this.rest.append(factsOf(facts, this.record));
    if (this.answer && navigator.clipboard) this.rest.append(copyButton(() => this.answer));
    return facts.quota;
  }

  #paint() {
    this.#painting = 0;
    this.#prose.show(this.answer);
    this.thinking.hidden = !this.#reasoning;
    this.#thoughts.textContent = this.#reasoning;
  }

  #tick() {
    const clock = this.waiting.lastChild;
    clock.textContent = this.#first === null ? seconds(performance.now() - this.#began) : "";
  }

  #facts(headers, error) {
    const done = this.#done;
    const decoded = (name) => (headers?.get(name) ? decodeURIComponent(headers.get(name)) : null);
    const provider = decoded("x-gateway-provider") ?? done?.provider ?? null;
    const model = decoded("x-gateway-model") ?? done?.model ?? null;
    return {
      provider,
      model,
      ...this.known(provider, model),
      served: done?.model ?? null,
      cache: headers?.get("x-gateway-cache") ?? (done?.cached ? "hit" : null),
      usage: done?.usage ?? null,
      first: this.#first,
      total: performance.now() - this.#began,
      end: done?.finish_reason ?? (error?.name === "AbortError" ? "stopped by you" : "an error"),
      ignored: decoded("x-gateway-ignored"),
      cost: done?.cost_microdollars,
      queue: decoded("x-gateway-queue"),
      quota: headers ? quotaOf(headers) : [],
      id: headers?.get("x-request-id") ?? error?.requestId ?? null,
    };
  }

  #failed(error) {
    if (error.name === "AbortError") {
      return el("p", { className: "note", textContent: this.answer ? "Stopped: the answer above is a part." : "Stopped." });
    }
    const known = error instanceof Refusal;
    const again = button("Try again", () => this.again(this), "retry");
    if (known && error.retryAfter) countDown(again, error.retryAfter);
    return el("div", { className: "failed" },
      el("div", { role: "alert" },
        el("p", { className: "detail", textContent: known ? error.message : "This page could not read the answer." }),
        known && error.errors.length ? el("ul", {}, ...error.errors.map((fault) =>
          el("li", {}, el("code", { textContent: fault.path || "body" }), ` ${fault.message}`))) : null),
      el("p", { className: "code", textContent: known && error.status
        ? `${error.status} ${error.code}${error.requestId ? ` · request ${error.requestId}` : ""}` : "" }),
      again);
  }
}

/** A button that can be pressed once `left` seconds are over, and says how many are left. */
function countDown(node, left) {
  const words = node.textContent;
  const until = performance.now() + left * 1000;
  const show = () => {
    const rest = Math.ceil((until - performance.now()) / 1000);
    node.disabled = rest > 0;
    node.textContent = rest > 0 ? `${words} in ${rest} s` : words;
    if (rest <= 0) clearInterval(ticking);
  };
  const ticking = setInterval(show, 250);
  show();
}
