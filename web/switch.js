/** The switch between the models on this machine, which only the local cloud has. */

import { at } from "./element.js";
import { callLocal } from "./local-call.js";
import { countOf, keyOf, readServed } from "./model.js";

let models = []; // of `_local/models`: `name`, `version`, `title`, `class_count`, `served`
let wanted = null; // the last choice while an earlier one is being served
let isServing = false;
let onChange = () => {};

/**
 * Show the switch; `onServed` is called with the model that is served, `onChosen` when a person has
 * changed it.
 */
export async function offerModels(onServed, onChosen) {
  onChange = onServed;
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  at("model-choices").addEventListener("change", async () => {
    const chosen = models.find((each) => keyOf(each) === at("model-choices").value);
    if (await serve(chosen)) onChosen();
  });
  await refresh();
}

/** Compare with the model of an answer: another one may have been served from the command line. */
export function noteModel(model) {
  if (!isServing && !isServed(model)) refresh();
}

function isServed(model) {
  return models.some((each) => each.served && keyOf(each) === keyOf(model));
}

/** Serve a model; returns whether it is served now. A newer choice goes first. */
async function serve(model) {
  if (!isServing && isServed(model)) return true;
  wanted = model;
  if (isServing) return false;
  isServing = true;
  while (wanted) {
    const next = wanted;
    wanted = null;
    check(next);
    await serveOne(next);
  }
  isServing = false;
  await refresh();
  return isServed(model);
}

async function serveOne(model) {
  const words = wordsFor(model);
  say(`Changing to ${words}…`, "busy");
  try {
    await callLocal("_local/serve", { name: model.name, version: model.version });
  } catch (error) {
    return say(`Not changed to ${words}. ${error.message}`, "failed");
  }
  say(`Starting ${words}…`, "busy");
  await readServed().catch(() => {}); // an instance that starts now is warm for the next photo
  say(`Now serving ${words}.`);
}

async function refresh() {
  try {
    models = await callLocal("_local/models");
  } catch {
    return; // what was last read stays; the view of the instances says that nothing answers
  }
  const served = models.find((each) => each.served);
  at("models").hidden = models.length < 2;
  const offered = [...at("model-choices").options].map((option) => option.value);
  if (offered.join() !== models.map(keyOf).join()) {
    const options = models.map((model) => new Option(wordsFor(model), keyOf(model)));
    at("model-choices").replaceChildren(...options);
  }
  if (isServing || !served) return;
  check(served);
  onChange(served);
}

function check(model) {
  at("model-choices").value = keyOf(model);
}

function say(words, state = "") {
  at("models").dataset.state = state;
  at("models").ariaBusy = state === "busy";
  at("models-said").textContent = words;
}

/** A model in words, with name and version where other models have the same words. */
function wordsFor(model) {
  const words = ({ name, title, class_count: classCount }) =>
    countOf({ title: title ?? `classes of ${name}`, classCount });
  const isAlone = models.filter((each) => words(each) === words(model)).length === 1;
  return isAlone ? words(model) : `${words(model)} (${keyOf(model)})`;
}
