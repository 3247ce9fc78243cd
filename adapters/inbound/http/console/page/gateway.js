// The gateway's API, as far as this page asks it, by paths from the page: it may be served under another. The key is kept here, in memory, and leaves in a header only.

import { serverSentEvents } from "./events.js";

const CHAT = "api/v1/chat";

/** Why there is no answer, in words that may be shown; `status` is 0 where the gateway said nothing. */
export class Refusal extends Error {
  constructor(detail, { status = 0, code = "", errors = [], retryAfter = null, requestId = "", headers = null } = {}) {
    super(detail);
    Object.assign(this, { status, code, errors, retryAfter, requestId, headers });
  }
}

export class Gateway {
  #key = "";

  get keyed() {
    return this.#key !== "";
  }

  use(key) {
    this.#key = key;
  }

  forget() {
    this.#key = "";
  }

  /** Each endpoint's state; a gateway that is not ready tells it too. */
  async readiness() {
    const response = await this.#fetch("health/ready", { headers: {} });
    return response.ok || response.status === 503 ? await response.json() : { status: "unknown", endpoints: [] };
  }

  /** The models that this key may name, or null where the gateway keeps no list. */
  async models() {
    const list = await this.#found("v1/models");
    return Array.isArray(list?.data) ? list.data.filter((model) => typeof model?.id === "string") : null;
  }

  /** What was decided for a request, or null where nothing is known of it. */
  async record(id) {
    return this.#found(`api/v1/requests/${encodeURIComponent(id)}`);
  }

  /** The key's latest requests with their records, the newest first, or null where the gateway lists none. */
  async requests() {
    return (await this.#found("api/v1/requests"))?.requests ?? null;
  }

  /** Where chats are asked, for programs. */
  get address() {
    return new URL(CHAT, document.baseURI).href;
  }

  async explain(body) {
    return (await this.#post("api/v1/explain", body)).json();
  }

  /** The headers of an answer, and its events. Raises `Refusal`; what `signal` aborts ends with an `AbortError`. */
  async chat(body, signal) {
    const response = await this.#post(CHAT, { ...body, stream: true }, signal);
    return { headers: response.headers, events: this.#events(response) };
  }

  async *#events(response) {
    for await (const { name, data } of serverSentEvents(response.body)) {
      if (name === "error") throw refusal(data, response);
      yield { name, data };
      if (name === "done") return;
    }
    throw new Refusal("The answer broke off before its end.", { requestId: response.headers.get("x-request-id") });
  }

  async #found(path) {
    const response = await this.#fetch(path, {});
    if (response.status === 404) return null;
    if (!response.ok) throw await refused(response);
    return response.json();
  }

  async #post(path, body, signal) {
    const headers = { "Content-Type": "application/json", ...this.#credentials() };
    const response = await this.#fetch(path, { method: "POST", body: JSON.stringify(body), headers, signal });
    if (!response.ok) throw await refused(response);
    return response;
  }

  #credentials() {
    return { "X-API-Key": this.#key };
  }

  async #fetch(path, options) {
    const closed = { cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" };
    try {
      return await fetch(path, { headers: this.#credentials(), ...closed, ...options });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal("The gateway can’t be reached.");
    }
  }
}

/** A key that no header can carry would never leave the browser. */
export function isSendable(key) {
  return /^[\x21-\x7e]+$/.test(key);
}

async function refused(response) {
  return refusal(await response.json().catch(() => ({})), response);
}

/** From a problem document, or from OpenAI's shape of an error. */
function refusal(problem, response) {
  const detail = problem?.detail ?? problem?.error?.message;
  const seconds = response.headers.get("retry-after");
  return new Refusal(typeof detail === "string" ? detail : `The gateway answered ${response.status}.`, {
    status: problem?.status ?? response.status,
    code: problem?.code ?? problem?.error?.code ?? "",
    errors: Array.isArray(problem?.errors) ? problem.errors : [],
    retryAfter: seconds !== null && /^\d+$/.test(seconds) ? Number(seconds) : null,
    requestId: problem?.request_id ?? response.headers.get("x-request-id") ?? "",
    headers: response.headers,
  });
}
