/** The result card: classes, warm or cold, times, and who answered. */

import { at, make } from "./element.js";
import { countOf } from "./model.js";

const ROWS = 5;
const SHORT_ID_LENGTH = 8;
const CALLS_OF_AN_UPLOAD = 3;
const BROWSER_STAGES = { uploads: "Prepare", storage: "Upload", queue: "Network and queue" };
const FUNCTION_STAGES = {
  init: "Cold init",
  fetch: "Fetch",
  decode: "Decode",
  inference: "Inference",
};
const NONE = "–";
const SKIPPED = "skipped";

/** The card before the first answer: as high as with one, so that nothing moves later. */
export function showEmpty() {
  at("classes").replaceChildren(...Array.from({ length: ROWS }, placeholderRow));
  showTimes(Object.keys(BROWSER_STAGES).map(untold), Object.keys(FUNCTION_STAGES).map(untold));
}

/** The answer for a photo; its `model`, as of modelOf, or null, is named where it is not sure. */
export function showResult(photo, { answer, browserMs, calls, isInCall, model }) {
  at("result").dataset.state = "fresh";
  showUnsure(answer.isUnsure, model);
  at("subject").textContent = photo.name;
  at("subject-photo").src = photo.url;
  at("subject-photo").hidden = false;
  at("classes").replaceChildren(...answer.classes.map(classRow));
  showTemperature(answer);
  at("browser-total").textContent = duration(browserMs.total);
  at("function-total").textContent = duration(answer.functionMs);
  const { inBrowser, inFunction } = stagesOf(answer, browserMs, isInCall);
  showTimes(inBrowser, inFunction, callsMade(calls, isInCall), isInCall ? SKIPPED : NONE);
  at("model").textContent = answer.name ?? NONE;
  at("version").textContent = answer.version ?? NONE;
  at("instance").textContent = answer.instanceId?.slice(0, SHORT_ID_LENGTH) ?? NONE;
  at("instance").title = answer.instanceId ?? "";
}

/** Say that the result shown belongs to an earlier photo than the one in the frame. */
export function markPrevious(photo) {
  at("result").dataset.state = "previous";
  at("subject").textContent = `Previous: ${photo.name}`;
}

/** One sentence for the status line. */
export function summary({ answer, browserMs }) {
  const [first] = answer.classes;
  const unsure = answer.isUnsure ? "not sure; the nearest is " : "";
  const share = percent(first.share);
  return `Done: ${unsure}${first.label}, ${share}, in ${duration(browserMs.total)}.`;
}

function showUnsure(isUnsure, model) {
  at("unsure").hidden = !isUnsure;
  at("classes").classList.toggle("is-small", isUnsure);
  at("classes").ariaLabel = isUnsure ? "Nearest classes" : "Most likely classes";
  const known = model ? `none of the ${countOf(model)}` : "nothing";
  const said = `Not sure: probably ${known} that this model knows.`;
  at("unsure-said").textContent = isUnsure ? said : "";
}

/** Buttons to ask other models; the same ones stay where they are and keep the focus. */
export function showOffers(buttons) {
  const words = buttons.map((button) => button.textContent);
  const before = [...at("offers").children].map((button) => button.textContent);
  if (words.join() !== before.join()) at("offers").replaceChildren(...buttons);
}

function callsMade(calls, isInCall) {
  const saved = CALLS_OF_AN_UPLOAD - calls;
  return isInCall && saved > 0 ? `${calls}, ${saved} saved` : String(calls);
}

function showTemperature({ coldStart, initMs }) {
  const badge = at("badge");
  badge.dataset.temperature = coldStart === null ? "" : coldStart ? "cold" : "warm";
  if (coldStart === null) {
    badge.textContent = NONE;
    at("badge-meaning").textContent = "The service did not say whether an instance was ready.";
  } else if (coldStart) {
    badge.textContent = "Cold";
    const wait = initMs === null ? "" : ` (${duration(initMs)})`;
    at("badge-meaning").textContent = `A new instance had to start first${wait}.`;
  } else {
    badge.textContent = "Warm";
    at("badge-meaning").textContent = "An instance was ready and answered at once.";
  }
}

function classRow({ id, label, share }) {
  const fill = make("span", "fill");
  fill.style.setProperty("width", `${Math.min(Math.max(share, 0), 1) * 100}%`);
  return makeRow(label, percent(share), [fill], id);
}

function makeRow(label, share, fills, id) {
  const bar = make("span", "bar", ...fills);
  bar.ariaHidden = "true";
  const texts = [make("span", "label", label), make("span", "percent", share)];
  return make("li", "", ...texts, bar, make("span", "class-id", id));
}

function placeholderRow() {
  const row = makeRow("", "", [], "");
  row.ariaHidden = "true";
  return row;
}

/** The parts of the time that a person waited, as `[stage, ms]`; null where one is not known. */
function stagesOf({ coldStart, initMs, stagesMs }, browserMs, isInCall) {
  const init = coldStart ? initMs : null;
  const inFunction = [["init", init], ...stagesMs];
  const reported = inFunction.reduce((sum, [, ms]) => sum + (ms ?? 0), 0);
  const { prepare, uploads = 0, storage = null } = browserMs;
  return {
    inBrowser: [
      // Shrinking the photo, and asking for the upload.
      ["uploads", isInCall ? prepare : (prepare ?? 0) + uploads],
      ["storage", storage],
      // The call as the browser saw it, less what the function reported: the network, the queue,
      // and of a cold start what comes before init.
      ["queue", Math.max(0, browserMs.classification - reported)],
    ],
    inFunction,
  };
}

function untold(stage) {
  return [stage, null];
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
  part.style.setProperty("flex-grow", String(ms));
  part.title = `${stageTitle(stage)}: ${duration(ms)}`;
  return part;
}

function colour(element, stage) {
  element.style.setProperty("--stage", `var(--stage-${stage})`);
}

function stageTitle(stage) {
  const titles = { ...BROWSER_STAGES, ...FUNCTION_STAGES };
  if (Object.hasOwn(titles, stage)) return titles[stage];
  const words = stage.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A share for people. */
export function percent(share) {
  const value = share * 100;
  return value > 0 && value < 0.1 ? "<0.1%" : `${value.toFixed(1)}%`;
}

/** A time for people. */
export function duration(ms) {
  if (ms === null) return NONE;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
