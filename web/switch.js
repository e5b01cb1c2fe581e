import { at, say } from "./element.js";
import { callLocal } from "./local-call.js";
import { countOf, keyOf, readServed } from "./model.js";

const choices = at("model-choices");
let models = []; // of `_local/models`
let wanted = null; // chosen while another one is being served
let isServing = false;
let onChange = () => {};

// `onServed` gets the model that is served; `onChosen` is called when a person changed it.
export async function offerModels(onServed, onChosen) {
  onChange = onServed;
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  choices.onchange = async () => {
    const chosen = models.find((each) => keyOf(each) === choices.value);
    if (await serve(chosen)) onChosen();
  };
  await refresh();
}

// The command line may have served another one.
export function noteModel(model) {
  if (!isServing && !isServed(model)) refresh();
}

function isServed(model) {
  return models.some((each) => each.served && keyOf(each) === keyOf(model));
}

// Serve a model; returns whether it is served now. A newer choice goes first.
async function serve(model) {
  if (!isServing && isServed(model)) return true;
  wanted = model;
  if (isServing) return false;
  isServing = true;
  while (wanted) {
    const next = wanted;
    wanted = null;
    choices.value = keyOf(next);
    await serveOne(next);
  }
  isServing = false;
  await refresh();
  return isServed(model);
}

async function serveOne(model) {
  const { name, version } = model;
  const words = wordsFor(model);
  show(`Changing to ${words}…`, "busy");
  try {
    await callLocal("_local/serve", { name, version });
  } catch (error) {
    return show(`Not changed to ${words}. ${error.message}`, "failed");
  }
  show(`Starting ${words}…`, "busy");
  await readServed().catch(() => {}); // starts an instance for the next photo
  show(`Now serving ${words}.`);
}

async function refresh() {
  try {
    models = await callLocal("_local/models");
  } catch {
    return; // what was read last stays
  }
  const served = models.find((each) => each.served);
  at("models").hidden = models.length < 2;
  const offered = [...choices.options].map((option) => option.value);
  if (offered.join() !== models.map(keyOf).join()) {
    choices.replaceChildren(...models.map((model) => new Option(wordsFor(model), keyOf(model))));
  }
  if (isServing || !served) return;
  choices.value = keyOf(served);
  onChange(served);
}

function show(words, state = "") {
  at("models").dataset.state = state;
  at("models").ariaBusy = state === "busy";
  say("models-said", words);
}

// With name and version where the words fit others, too.
function wordsFor(model) {
  const words = ({ name, title, class_count: classCount }) =>
    countOf({ title: title ?? `classes of ${name}`, classCount });
  const isAlone = models.filter((each) => words(each) === words(model)).length === 1;
  return isAlone ? words(model) : `${words(model)} (${keyOf(model)})`;
}
