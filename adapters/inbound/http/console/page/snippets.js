// A request as a program that sends it. The key stays out: each program takes it from the environment.

const KEY = "LLM_GATEWAY_API_KEY";
const JSON_WORDS = new Map([[true, "true"], [false, "false"], [null, "null"]]);
const PYTHON_WORDS = new Map([[true, "True"], [false, "False"], [null, "None"]]);

/** By the language's name: the program's text, for an address and a body. */
export const LANGUAGES = { curl, Python: python, JavaScript: javascript };

function curl(address, body) {
  return `curl ${quoted(address)} \\
  -H "X-API-Key: $${KEY}" \\
  -H 'Content-Type: application/json' \\
  -d ${quoted(literal(body, JSON_WORDS))}
`;
}

function python(address, body) {
  return `import json
import os
from urllib.request import Request, urlopen

body = ${literal(body, PYTHON_WORDS)}
headers = {"X-API-Key": os.environ["${KEY}"], "Content-Type": "application/json"}
with urlopen(Request(${JSON.stringify(address)}, json.dumps(body).encode(), headers)) as response:
    print(json.load(response)["content"])
`;
}

function javascript(address, body) {
  return `const body = ${literal(body, JSON_WORDS)};
const headers = { "X-API-Key": process.env.${KEY}, "Content-Type": "application/json" };
const response = await fetch(${JSON.stringify(address)}, { method: "POST", headers, body: JSON.stringify(body) });
const answer = await response.json();
console.log(answer.content ?? answer);
`;
}

/** As one word of a POSIX shell. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A JSON value, on one line where it has no other within; strings and numbers are the same in all of these languages. */
function literal(value, words, indent = "") {
  if (value === null || typeof value !== "object") return words.get(value) ?? JSON.stringify(value);
  const inner = `${indent}  `;
  const items = Array.isArray(value) ? value.map((one) => literal(one, words, inner))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one, words, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return Object.values(value).some((one) => one !== null && typeof one === "object")
    ? `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}` : `${open}${items.join(", ")}${close}`;
}
