// Compiled with `tsc --strict` beside the types that openapi-typescript made of the description.
import type { components, paths } from "./made";

type Chat = paths["/api/v1/chat"]["post"];
const body: components["schemas"]["ChatBody"] = { messages: [{ role: "user", content: "Hello" }], model_hint: "local" };
const completion: components["schemas"]["CompletionBody"] = { model: "local", messages: [{ role: "user", content: "Hi" }] };
export const told = (answer: Chat["responses"][200]["content"]["application/json"]): string => answer.content ?? "";
export const asked = [JSON.stringify(body), JSON.stringify(completion)];
// @ts-expect-error: it is no hint
export const wrong: components["schemas"]["ChatBody"] = { messages: [], model_hint: "best" };
