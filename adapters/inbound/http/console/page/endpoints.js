// What this page knows of the gateway's endpoints: for the labels of answers, and for the list of models.

import { el } from "./dom.js";

export class Endpoints {
  #states = new Map();

  /** From readiness: name, locality, whether it is the demonstration, and whether it is usable. */
  learn(endpoints) {
    this.#states = new Map(endpoints.map((state) => [state.name, state]));
  }

  /** `{locality, demonstration}` of a provider's model; a provider's other models stand where it does. */
  known(provider, model) {
    const near = [...this.#states.values()].filter((state) => state.name.startsWith(`${provider}/`));
    const state = this.#states.get(`${provider}/${model}`) ?? near[0];
    return { locality: state?.locality ?? null, demonstration: state?.demonstration ?? false };
  }

  get demonstration() {
    return [...this.#states.values()].some((state) => state.demonstration);
  }

  get usable() {
    return [...this.#states.values()].filter((state) => state.usable);
  }

  /** The choices of models: the gateway's own list without `hints`, or, where it keeps none, the usable endpoints. */
  choices(models, hints = []) {
    if (models === null) {
      return this.usable.map((state) => this.#choice(state.name, state.locality, state.demonstration, null));
    }
    return models.filter((model) => !hints.includes(model.id)).map((model) => {
      const { locality, demonstration } = this.known(model.owned_by, model.id.replace(`${model.owned_by}/`, ""));
      return this.#choice(model.id, model.locality ?? locality, demonstration, model.context_length);
    });
  }

  #choice(id, locality, demonstration, context) {
    const remarks = [
      locality?.replace("_", " "),
      demonstration && "demonstration",
      Number.isInteger(context) && `${context.toLocaleString("en")} tokens`,
    ].filter(Boolean);
    return el("option", { value: id, textContent: remarks.length ? `${id} (${remarks.join(", ")})` : id });
  }
}

/** Replaces all but the first option, and keeps the choice where it still exists. */
export function offer(select, options) {
  const chosen = select.value;
  select.replaceChildren(select.options[0], ...options);
  select.value = options.some((option) => option.value === chosen) ? chosen : "";
}
