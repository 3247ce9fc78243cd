// The AI SDK's default for OpenAI against a gateway: `ai_sdk_responses.mjs URL KEY MODEL...`.
import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [url, apiKey, ...models] = process.argv.slice(2);
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
const tools = {
  get_weather: tool({
    description: "The weather at a place.",
    inputSchema: z.object({ place: z.string() }),
    execute: async ({ place }) => `${place} is wet`,
  }),
};
const stateless = { openai: { store: false } };
const seenBy = {
  async generate(model) {
    const answer = await generateText({ model, prompt: "Hello", maxRetries: 0 });
    return [answer.text, answer.finishReason, answer.usage.totalTokens > 0];
  },
  async stream(model) {
    const answer = streamText({ model, prompt: "Hello", maxRetries: 0 });
    const texts = [];
    for await (const text of answer.textStream) texts.push(text);
    return [texts.join(""), texts.length > 1, await answer.finishReason];
  },
  async loop(model) {
    const prompt = "Which of three places is the driest?";
    const answer = await generateText({ model, tools, prompt, stopWhen: stepCountIs(9), maxRetries: 0 });
    return [answer.steps.length, answer.text];
  },
  async signedLoop(model) {
    const prompt = "Which of three places is the driest?";
    const more = { stopWhen: stepCountIs(9), maxRetries: 0, providerOptions: stateless };
    const answer = streamText({ model, tools, prompt, ...more });
    await answer.consumeStream();
    return [(await answer.steps).length, await answer.text];
  },
  async object(model) {
    const schema = z.object({ name: z.string(), count: z.number().int() });
    return (await generateObject({ model, schema, prompt: "A dog?", maxRetries: 0 })).object;
  },
};
const told = {};
for (const name of models) {
  told[name] = {};
  for (const [what, see] of Object.entries(seenBy)) told[name][what] = await see(openai(name));
}
console.log(JSON.stringify(told));
