// The AI SDK against a gateway: `ai_sdk.mjs URL KEY` prints what it saw as one JSON object.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [baseURL, apiKey] = process.argv.slice(2);
// Under this name the SDK sends Gemini's thought signatures back.
const options = { name: "google", baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true };
const gateway = createOpenAICompatible(options);
const model = gateway("local");
const tools = {
  get_weather: tool({
    description: "The weather at a place.",
    inputSchema: z.object({ place: z.string() }),
    execute: async ({ place }) => `${place} is wet`,
  }),
};
const loop = { model, tools, prompt: "Oslo?", stopWhen: stepCountIs(2), maxRetries: 0 };
const calls = (steps) => steps[0].toolCalls.map((call) => [call.toolCallId, call.toolName, call.input]);

const seen = {
  async generate() {
    const answer = await generateText({ model, prompt: "Hello", maxRetries: 0 });
    return [answer.text, answer.finishReason, answer.usage.totalTokens];
  },
  async stream() {
    const answer = streamText({ model, prompt: "Hello", maxRetries: 0 });
    const texts = [];
    for await (const text of answer.textStream) texts.push(text);
    return [texts.join(""), texts.length, await answer.finishReason, (await answer.usage).totalTokens];
  },
  async tools() {
    const answer = await generateText(loop);
    return [calls(answer.steps), answer.steps[0].reasoningText, answer.text];
  },
  async streamedTools() {
    const answer = streamText(loop);
    await answer.consumeStream();
    return [calls(await answer.steps), (await answer.steps)[0].reasoningText, await answer.text];
  },
  async object() {
    const schema = z.object({ name: z.string(), legs: z.number() });
    return (await generateObject({ model, schema, prompt: "A dog?", maxRetries: 0 })).object;
  },
  async embed() {
    const own = gateway.textEmbeddingModel("ollama/nomic");
    return (await embedMany({ model: own, values: ["one", "two"], maxRetries: 0 })).embeddings.length;
  },
  async error() {
    try {
      await generateText({ model: gateway("gpt-9"), prompt: "Hello", maxRetries: 0 });
    } catch (error) {
      return [APICallError.isInstance(error), error.statusCode, error.data.error.code, error.isRetryable];
    }
  },
  async midway() {
    const answer = streamText({ model, prompt: "Break off", maxRetries: 0, onError: () => {} });
    const kinds = [];
    for await (const part of answer.fullStream) kinds.push(part.type);
    return kinds.includes("error");
  },
};

const told = {};
for (const [name, see] of Object.entries(seen)) told[name] = await see();
console.log(JSON.stringify(told));
