// What stands beside the conversation: the settings, the plan, the request as a program, and the key's latest requests.

import { button, copyButton } from "./dom.js";
import { showNoPlan, showPlan } from "./plan.js";
import { showRequests } from "./requests.js";
import { LANGUAGES } from "./snippets.js";

const $ = (id) => document.getElementById(id);
const PANELS = { tune: "settings", explain: "plan", "show-code": "code" }; // by the button that opens each

export class Tools {
  #language = Object.keys(LANGUAGES)[0];

  /** `body` gives the request as it would be sent now, `withKey` whether there is a key; `failed` takes a refusal. */
  constructor({ gateway, known, body, withKey, failed }) {
    Object.assign(this, { gateway, known, body, withKey, failed });
    $("tune").addEventListener("click", () => this.#toggle("tune"));
    $("show-code").addEventListener("click", () => this.#toggle("show-code", () => this.#code()));
    $("explain").addEventListener("click", () => this.#explain());
    $("show-requests").addEventListener("click", () => this.#list());
    $("refresh").addEventListener("click", () => this.#list());
    $("requests").addEventListener("close", () => $("requests-list").replaceChildren());
    $("defaults").addEventListener("click", () => { $("settings").reset(); this.#count(); });
    $("settings").addEventListener("input", () => this.#count());
    $("settings").addEventListener("submit", (event) => { event.preventDefault(); this.close(); });
    $("ask").addEventListener("input", () => $("code").hidden || this.#code());
    for (const node of document.querySelectorAll(".panel .close")) node.addEventListener("click", () => this.close());
    $("requests-close").addEventListener("click", () => $("requests").close());
    for (const name of Object.keys(LANGUAGES)) {
      $("languages").append(button(name, () => { this.#language = name; this.#code(); }));
    }
    if (navigator.clipboard) $("languages").append(copyButton(() => $("program").textContent));
  }

  /** The system text and what is stated of the parameters: what is left empty is the gateway's to choose. */
  get stated() {
    const fields = [...$("settings").elements].filter((field) => field.name && field.value !== "");
    return {
      system: $("system").value.trim(),
      parameters: Object.fromEntries(fields.map(({ name, type, value }) => [name, type === "number" ? Number(value) : value])),
    };
  }

  /** Closes whatever is open. */
  close() {
    this.#show(null);
    $("requests").close();
  }

  #toggle(opener, fill = () => {}) {
    const opens = $(PANELS[opener]).hidden;
    if (opens) fill();
    this.#show(opens ? opener : null);
  }

  /** Shows the panel of one button and hides the others; the focus goes back to the button of one that had it. */
  #show(opener) {
    for (const [id, panel] of Object.entries(PANELS)) {
      if ($(panel).contains(document.activeElement)) $(id).focus();
      $(panel).hidden = id !== opener;
      $(id).ariaExpanded = id === opener;
    }
    document.body.classList.toggle("tuning", opener === "tune");
  }

  #count() {
    const { system, parameters } = this.stated;
    const count = Object.keys(parameters).length + (system ? 1 : 0);
    $("tune").textContent = count ? `Settings (${count})` : "Settings";
  }

  #code() {
    $("program").textContent = LANGUAGES[this.#language](this.gateway.address, this.body());
    for (const one of $("languages").children) one.ariaPressed = one.textContent === this.#language;
  }

  async #explain() {
    if (!(await this.withKey())) return;
    try {
      showPlan($("plan-content"), await this.gateway.explain(this.body()), this.known);
      this.#show("explain");
    } catch (error) {
      showNoPlan($("plan-content"), error);
      this.#show("explain");
      this.failed(error);
    }
  }

  async #list() {
    if (!$("requests").open) $("requests").showModal();
    await showRequests($("requests-list"), () => this.gateway.requests()).catch((error) => this.failed(error));
  }
}
