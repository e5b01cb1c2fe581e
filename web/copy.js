// The call of the answer that is shown in code, and the answer as JSON.

import { at, say } from "./element.js";
import { keyHeader } from "./key.js";

const KEY = "Set API_KEY to your key first. A pasted key would stay in the shell's history.";
let outcome = null;
let asksForKey = false;

export function configure(config) {
  asksForKey = config?.auth === "api_key";
}

export function offer(of) {
  outcome = of;
  at("copies").disabled = false;
  say("code", WAYS.curl());
  say("copy-said", "");
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

async function copyShown() {
  try {
    await navigator.clipboard.writeText(at("code").textContent);
    return "Copied.";
  } catch {
    getSelection().selectAllChildren(at("code"));
    const why = isSecureContext
      ? "the browser does not let this page write to the clipboard"
      : "browsers let only pages with HTTPS write to the clipboard";
    return `Not copied: ${why}. The code below is selected: copy it with the keyboard or its menu.`;
  }
}

at("copies").onclick = async ({ target }) => {
  const way = target.closest("button")?.value;
  if (!way) return;
  say("code", WAYS[way]());
  const notes = [await copyShown()];
  const { withKey, name, source, isConverted } = callOf(outcome);
  if (way !== "json" && name && !source) {
    const first = isConverted ? "Save the photo as JPEG, put that file's name in and run" : "Run";
    notes.push(`${first} it in the photo's folder.`);
  }
  if (way !== "json" && withKey) notes.push(KEY);
  say("copy-said", notes.join(" "));
};
