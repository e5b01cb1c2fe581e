/** The call of the answer that is shown as curl and as Python, and the answer as JSON. */

import { at } from "./element.js";
import { keyHeader } from "./key.js";

const KEY = "Set API_KEY to your key first; a key that is pasted stays in the shell's history.";
let outcome = null;
let asksForKey = false;

/** Take from the configuration whether the service asks for a key. */
export function configure(configuration) {
  asksForKey = configuration?.auth === "api_key";
}

/** Offer the call of an outcome of recognise for copying. */
export function offerCopies(of) {
  outcome = of;
  at("copies").disabled = false;
  at("code").textContent = WAYS.curl();
  at("copy-said").textContent = "";
}

function callOf({ again: { sent, path } }) {
  const url = new URL("classification", document.baseURI).href;
  const withKey = asksForKey || "X-Api-Key" in keyHeader();
  if (path) {
    const body = JSON.stringify({ method: "classification", file_path: path });
    return { url, withKey, type: "application/json", body };
  }
  const { name, source, isConverted } = sent.original;
  return { url, withKey, type: sent.type, name, source, isConverted };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ url, withKey, type, body, name, source }) {
  const key = withKey ? ' -H "x-api-key: $API_KEY"' : "";
  const call = `curl -sS ${quoted(url)} -H 'content-type: ${type}'${key}`;
  if (body) return `${call} --data-binary ${quoted(body)}`;
  if (source) return `curl -sS ${quoted(source)} | ${call} --data-binary @-`;
  return `${call} --data-binary @- < ${quoted(`./${name}`)}`;
}

function python({ url, withKey, type, body, name, source }) {
  const text = JSON.stringify; // its texts are Python's, too
  const key = withKey ? `, "X-Api-Key": os.environ["API_KEY"]` : "";
  const photo = source ? `urllib.request.urlopen(${text(source)}).read()` : `open(${text(name)}, "rb").read()`;
  return `import json
import os
import urllib.request

body = ${body ? `${text(body)}.encode()` : photo}
headers = {"Content-Type": ${text(type)}${key}}
request = urllib.request.Request(${text(url)}, body, headers)
with urllib.request.urlopen(request) as answer:
    for each in json.load(answer)["predictions"]:
        print(f"{each['softmax']:6.1%}  {each['label']}")
`;
}

const WAYS = {
  curl: () => curl(callOf(outcome)),
  python: () => python(callOf(outcome)),
  json: () => JSON.stringify(outcome.fields, null, 2),
};

async function copy({ target }) {
  const way = target.closest("button")?.value;
  if (!way) return;
  const code = WAYS[way]();
  at("code").textContent = code;
  const isCopied = await navigator.clipboard?.writeText(code).then(() => true, () => false);
  const { withKey, name, source, isConverted } = callOf(outcome);
  const notes = [isCopied ? "Copied." : "The browser does not let the page copy: select it below."];
  if (way !== "json" && name && !source) {
    const first = isConverted ? "Save the photo as JPEG, put that file's name in and run" : "Run";
    notes.push(`${first} it in the photo's folder.`);
  }
  if (way !== "json" && withKey) notes.push(KEY);
  at("copy-said").textContent = notes.join(" ");
}

at("copies").addEventListener("click", copy);
