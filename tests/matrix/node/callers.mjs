// The vendors' clients for Node: a call a line comes in as JSON, what the client made of it goes out, in any order.
//
//   in:   {"id": 1, "caller": "anthropic", "url": "http://127.0.0.1:8642", "asked": {…}, "stream": true}
//   out:  {"id": 1, "reply": {…}}  or  {"id": 1, "error": {"name", "status", "message", "retry_after"}}

import { createInterface } from "node:readline";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { Ollama } from "ollama";
import OpenAI, { AzureOpenAI } from "openai";

const KEY = "key-of-caller";
const LONG = 100_000;

const openai = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0, timeout: LONG });

const azure = (url) =>
  new AzureOpenAI({ endpoint: url, apiKey: KEY, apiVersion: "2025-04-01-preview", maxRetries: 0, timeout: LONG });

const gather = async (answer) => {
  const all = [];
  for await (const piece of answer) all.push(piece);
  return all;
};

// What the helper keeps the last piece of only: fields that OpenAI's types do not have, and lists but those of calls.
const joined = (message, chunks) => {
  for (const { delta } of chunks.flatMap((chunk) => chunk.choices)) {
    if (delta.reasoning) message.thoughts = (message.thoughts ?? "") + delta.reasoning;
    if (delta.reasoning_content) message.more_thoughts = (message.more_thoughts ?? "") + delta.reasoning_content;
    for (const entry of delta.reasoning_details ?? []) {
      message.details ??= [];
      const known = message.details.find((each) => each.index === entry.index);
      if (!known) message.details.push({ ...entry });
      else for (const name of ["text", "data", "signature"]) if (entry[name]) known[name] = (known[name] ?? "") + entry[name];
    }
  }
  const { thoughts, more_thoughts, details, ...rest } = message;
  return {
    ...rest,
    ...(thoughts && { reasoning: thoughts }),
    ...(more_thoughts && { reasoning_content: more_thoughts }),
    ...(details && { reasoning_details: details }),
  };
};

const chat = async (client, asked, stream) => {
  if (!stream) return client.chat.completions.create(asked);
  const options = { include_usage: true };
  const chunks = [];
  const helper = client.chat.completions.stream({ ...asked, stream_options: options });
  helper.on("chunk", (chunk) => chunks.push(structuredClone(chunk)));
  const final = await helper.finalChatCompletion();
  const [choice] = final.choices;
  return { ...final, choices: [{ ...choice, message: joined({ ...choice.message }, chunks) }] };
};

const ENDS = ["response.completed", "response.incomplete", "response.failed"];

const responses = async (client, asked, stream) => {
  if (!stream) return client.responses.create(asked);
  const helper = client.responses.stream(asked);
  const events = await gather(helper);
  const last = events.at(-1);
  if (!ENDS.includes(last?.type)) throw new Error("a stream without its last event");
  await helper.finalResponse();
  return last.response;
};

const CALLERS = {
  "openai-chat": { make: openai, send: chat },
  "openai-responses": { make: openai, send: responses },
  "azure openai-chat": { make: azure, send: chat },
  "azure openai-responses": { make: azure, send: responses },
  anthropic: {
    make: (url) => new Anthropic({ baseURL: url, apiKey: KEY, maxRetries: 0, timeout: LONG }),
    send: (client, asked, stream) =>
      stream ? client.messages.stream(asked).finalMessage() : client.messages.create(asked),
  },
  gemini: {
    make: (url) => new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: url, timeout: LONG } }),
    send: async (client, asked, stream) => ({
      chunks: stream
        ? await gather(await client.models.generateContentStream(asked))
        : [await client.models.generateContent(asked)],
    }),
  },
  ollama: {
    make: (url) => new Ollama({ host: url, headers: { authorization: `Bearer ${KEY}` } }),
    send: async (client, asked, stream) => {
      const answer = await client.chat({ ...asked, stream });
      return { lines: stream ? await gather(answer) : [answer] };
    },
  },
};

const clients = new Map();

const answered = async ({ id, caller, url, asked, stream }) => {
  const { make, send } = CALLERS[caller];
  const place = `${caller} ${url}`;
  if (!clients.has(place)) clients.set(place, make(url));
  try {
    return { id, reply: await send(clients.get(place), asked, stream) };
  } catch (error) {
    const status = error.status ?? error.status_code;
    const retry_after = error.headers?.get?.("retry-after");
    return { id, error: { name: error.constructor.name, status, message: error.message ?? String(error), retry_after } };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  answered(JSON.parse(line)).then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
}
