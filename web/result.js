import { at, make, say } from "./element.js";
import { countOf } from "./model.js";

const ROWS = 5;
const TITLES = {
  uploads: "Prepare",
  storage: "Upload",
  queue: "Network and queue",
  init: "Cold init",
};
const NONE = "–";

// As high as with an answer, so that nothing moves later.
export function showEmpty() {
  showRows([]);
  const unknown = (...stages) => stages.map((stage) => [stage, null]);
  showTimes(unknown("uploads", "storage", "queue"), unknown("init", "fetch", "decode", "inference"));
}

export function showResult(photo, { answer, browserMs, calls, isInCall, model }) {
  at("result").dataset.state = "fresh";
  showUnsure(answer.isUnsure, model);
  say("subject", photo.name);
  showRows(answer.classes.map(classRow));
  showTemperature(answer);
  say("browser-total", duration(browserMs.total));
  say("function-total", duration(answer.functionMs));
  const { inBrowser, inFunction } = stagesOf(answer, browserMs, isInCall);
  showTimes(inBrowser, inFunction, String(calls), isInCall ? "skipped" : NONE);
  say("model", `${answer.name ?? NONE} ${answer.version ?? ""}`);
  say("instance", shortId(answer.instanceId) ?? NONE);
}

export function markPrevious(photo) {
  at("result").dataset.state = "previous";
  say("subject", `Previous: ${photo.name}`);
}

export function summary({ answer, browserMs }) {
  const [first] = answer.classes;
  const unsure = answer.isUnsure ? "not sure; the closest is " : "";
  const share = percent(first.share);
  return `Done: ${unsure}${first.label}, ${share}, in ${duration(browserMs.total)}.`;
}

function showRows(rows) {
  while (rows.length < ROWS) rows.push(placeholderRow());
  at("classes").replaceChildren(...rows);
}

function showUnsure(isUnsure, model) {
  at("unsure").hidden = !isUnsure;
  at("classes").classList.toggle("is-small", isUnsure);
  at("classes").ariaLabel = isUnsure ? "Closest classes" : "Most likely classes";
  const known = model ? `none of the ${countOf(model)}` : "nothing";
  say("unsure", isUnsure ? `Not sure: probably ${known} that this model knows.` : "");
}

function showTemperature({ coldStart, initMs }) {
  const wait = initMs === null ? "" : ` (${duration(initMs)})`;
  const [name, meaning] =
    coldStart === null
      ? ["", "The service did not say whether an instance was ready."]
      : coldStart
        ? ["Cold", `A new instance had to start first${wait}.`]
        : ["Warm", "An instance was ready and answered at once."];
  say("badge", name);
  at("badge").dataset.temperature = name;
  say("badge-meaning", meaning);
}

function classRow({ id, label, share }) {
  const fill = make("span", "fill");
  fill.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  const row = makeRow(label, percent(share), fill);
  row.title = `${label} (class ${id})`;
  return row;
}

function makeRow(label, share, ...fills) {
  const bar = make("span", "bar", ...fills);
  bar.ariaHidden = "true";
  return make("li", "", make("span", "label", label), bar, make("span", "percent", share));
}

function placeholderRow() {
  const row = makeRow("\u00a0", "");
  row.ariaHidden = "true";
  return row;
}

// `[stage, ms]` each; null where the time is not known.
function stagesOf({ coldStart, initMs, stagesMs }, browserMs, isInCall) {
  const inFunction = [["init", coldStart ? initMs : null], ...stagesMs];
  const reported = inFunction.reduce((sum, [, ms]) => sum + (ms ?? 0), 0);
  const { prepare, uploads = 0, storage = null } = browserMs;
  return {
    inBrowser: [
      // Shrinking the photo, and asking for the upload.
      ["uploads", isInCall ? prepare : (prepare ?? 0) + uploads],
      ["storage", storage],
      // The call less what the function reported; of a cold start also what comes before init.
      ["queue", Math.max(0, browserMs.classification - reported)],
    ],
    inFunction,
  };
}

function showTimes(inBrowser, inFunction, calls = NONE, ifNone = NONE) {
  const rows = (stages, none) =>
    stages.map(([stage, ms]) => row(stage, ms === null ? none : duration(ms)));
  at("browser-stages").replaceChildren(...rows(inBrowser, ifNone), row("calls", calls));
  at("function-stages").replaceChildren(...rows(inFunction, NONE));
  const stages = [...inBrowser, ...inFunction].filter(([, ms]) => ms !== null);
  at("strip").replaceChildren(...stages.map(segment));
}

function row(stage, text) {
  const term = make("dt", "", stageTitle(stage));
  colour(term, stage);
  return make("div", "", term, make("dd", "", text));
}

function segment([stage, ms]) {
  const part = make("span", "segment");
  colour(part, stage);
  part.style.flexGrow = ms;
  part.title = `${stageTitle(stage)}: ${duration(ms)}`;
  return part;
}

function colour(element, stage) {
  element.style.setProperty("--stage", `var(--stage-${stage})`);
}

function stageTitle(stage) {
  const words = TITLES[stage] ?? stage.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const shortId = (id) => id?.slice(0, 8);

export function percent(share) {
  const value = share * 100;
  return value > 0 && value < 0.1 ? "<0.1%" : `${value.toFixed(1)}%`;
}

export function duration(ms) {
  if (ms === null) return NONE;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
