// A tool loop through the real Node SDKs. Arguments: gateway address, folder of installed harnesses, JSON list of cases
// {client, model, stream}. Prints one JSON line for each case: what the SDK made of the last reply, and all calls.
"use strict";
const { createRequire } = require("node:module");
const path = require("node:path");
const [base, folder, given] = process.argv.slice(2);
const from = (name) => createRequire(path.join(folder, name, "package.json"));
const OpenAI = from("sdk-openai")("openai");
const Anthropic = from("sdk-anthropic")("@anthropic-ai/sdk");

const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const TURNS_MAX = 10;

function clients(headers) {
  const options = { apiKey: "any", maxRetries: 0, defaultHeaders: headers };
  return {
    openai: new OpenAI({ ...options, baseURL: base + "/v1" }),
    anthropic: new Anthropic({ ...options, baseURL: base }),
  };
}

async function chat({ openai }, model, stream) {
  const tools = [{ type: "function", function: { name: "read", description: "Reads", parameters } }];
  const messages = [{ role: "system", content: "Be brief." }, { role: "user", content: "read all" }];
  const calls = [];
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const body = { model, messages, tools };
    const reply = stream
      ? await openai.chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion()
      : await openai.chat.completions.create(body);
    const { message, finish_reason } = reply.choices[0];
    messages.push(message);
    if (!message.tool_calls?.length) {
      const u = reply.usage;
      return { text: message.content, calls, finish: finish_reason, input: u.prompt_tokens, output: u.completion_tokens };
    }
    for (const call of message.tool_calls) {
      calls.push(JSON.parse(call.function.arguments).path);
      messages.push({ role: "tool", tool_call_id: call.id, content: "ok " + calls.length });
    }
  }
}

async function responses({ openai }, model, stream) {
  const tools = [{ type: "function", name: "read", description: "Reads", parameters, strict: false }];
  const input = [{ role: "user", content: "read all" }];
  const calls = [];
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const body = { model, input, tools, store: false, instructions: "Be brief." };
    const reply = stream ? await openai.responses.stream(body).finalResponse() : await openai.responses.create(body);
    for (const item of reply.output) {
      delete item.parsed_arguments;
      for (const part of item.content ?? []) delete part.parsed;
      input.push(item);
    }
    const made = reply.output.filter((item) => item.type === "function_call");
    if (!made.length) {
      const u = reply.usage;
      return { text: reply.output_text, calls, finish: reply.status, input: u.input_tokens, output: u.output_tokens };
    }
    for (const call of made) {
      calls.push(JSON.parse(call.arguments).path);
      input.push({ type: "function_call_output", call_id: call.call_id, output: "ok " + calls.length });
    }
  }
}

async function messages({ anthropic }, model, stream) {
  const tools = [{ name: "read", description: "Reads", input_schema: parameters }];
  const history = [{ role: "user", content: "read all" }];
  const calls = [];
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const thinking = { type: "adaptive" };
    const body = { model, messages: history, tools, max_tokens: 4096, system: "Be brief.", thinking };
    const reply = stream ? await anthropic.messages.stream(body).finalMessage() : await anthropic.messages.create(body);
    history.push({ role: "assistant", content: reply.content });
    const made = reply.content.filter((block) => block.type === "tool_use");
    if (!made.length) {
      const text = reply.content.filter((block) => block.type === "text").map((block) => block.text).join("");
      const u = reply.usage;
      const input = u.input_tokens + (u.cache_read_input_tokens ?? 0) + (u.cache_creation_input_tokens ?? 0);
      return { text, calls, finish: reply.stop_reason, input, output: u.output_tokens };
    }
    const results = [];
    for (const call of made) {
      calls.push(call.input.path);
      results.push({ type: "tool_result", tool_use_id: call.id, content: "ok " + calls.length });
    }
    history.push({ role: "user", content: results });
  }
}

const RUN = { chat, responses, messages };

(async () => {
  for (const [number, { client, model, stream }] of JSON.parse(given).entries()) {
    let told;
    try {
      told = await RUN[client](clients({ "x-interlock-session": `node-${process.pid}-${number}` }), model, stream);
    } catch (error) {
      told = { error: `${error.name}: ${error.message}` };
    }
    console.log(JSON.stringify({ client, model, stream, ...told }));
  }
})();
