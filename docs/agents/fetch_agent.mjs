// An agent in JavaScript with nothing but `fetch`: the model asks for HTTP requests, and this file makes them.

import { text } from "node:stream/consumers";

const STEPS_MAX = 40;
const CHARS_SHOWN = 20_000;
const PROMPT = `You work in the systems of a clinic. Each has a URL, and requests below it need no token; fhir is FHIR R4.
When the work is done, reply with the answer that the task wants, as JSON and nothing else, or with one sentence.`;
const HTTP = {
  name: "http",
  description: "Send a request to one of the systems and see its answer.",
  parameters: {
    type: "object",
    properties: {
      method: { type: "string", enum: ["GET", "POST", "PUT", "PATCH", "DELETE"] },
      url: { type: "string" },
      body: { type: "string" },
      content_type: { type: "string", description: "Of the body; application/json without." },
    },
    required: ["method", "url"],
  },
};
const { OPENAI_BASE_URL, OPENAI_API_KEY, MODEL } = process.env;
const { task_item, urls } = JSON.parse(await text(process.stdin));

async function http({ method, url, body, content_type = "application/json" }) {
  const known = Object.values(urls);
  if (!known.some((root) => url.startsWith(root))) return `Only what is below ${known.join(", ")} is there.`;
  const headers = body ? { "Content-Type": content_type } : {};
  const answer = await fetch(url, { method, body: body || undefined, headers });
  return `${answer.status}\n${(await answer.text()).slice(0, CHARS_SHOWN)}`;
}

async function ask(messages) {
  const answer = await fetch(`${OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${OPENAI_API_KEY}` },
    body: JSON.stringify({ model: MODEL, messages, tools: [{ type: "function", function: HTTP }] }),
  });
  if (!answer.ok) throw new Error(`The model answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).choices[0].message;
}

const messages = [
  { role: "system", content: PROMPT },
  { role: "user", content: JSON.stringify({ task: task_item, systems: urls }, null, 2) },
];
for (let step = 0; ; step += 1) {
  if (step === STEPS_MAX) throw new Error(`The model was not done after ${STEPS_MAX} steps.`);
  const message = await ask(messages);
  messages.push(message);
  if (!message.tool_calls?.length) {
    console.log(message.content);
    break;
  }
  for (const call of message.tool_calls)
    messages.push({ role: "tool", tool_call_id: call.id, content: await http(JSON.parse(call.function.arguments)) });
}
