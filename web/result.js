/** The result card: classes, warm or cold, times, and who answered. */

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

const at = (id) => document.getElementById(id);

/** The card before the first answer: as high as with one, so that nothing moves later. */
export function showEmpty() {
  at("classes").replaceChildren(...Array.from({ length: ROWS }, placeholderRow));
  showTimes(Object.keys(BROWSER_STAGES).map(untold), Object.keys(FUNCTION_STAGES).map(untold));
}

/** The answer for a photo. */
export function showResult(photo, { answer, browserMs, calls, isInCall }) {
  at("result").dataset.state = "fresh";
  at("subject").textContent = photo.name;
  at("subject-photo").src = photo.url;
  at("subject-photo").hidden = false;
  at("classes").replaceChildren(...answer.classes.map(classRow));
  showTemperature(answer);
  at("browser-total").textContent = duration(browserMs.total);
  at("function-total").textContent = duration(answer.functionMs);
  const { inBrowser, inFunction } = stagesOf(answer, browserMs, isInCall);
  showTimes(inBrowser, inFunction, callsMade(calls, isInCall), isInCall ? SKIPPED : NONE);
  at("model").textContent = answer.model ?? NONE;
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
  return `Done: ${first.label}, ${percent(first.share)}, in ${duration(browserMs.total)}.`;
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
  const row = document.createElement("li");
  const fill = span("fill", "");
  fill.style.setProperty("width", `${Math.min(Math.max(share, 0), 1) * 100}%`);
  const bar = span("bar", "");
  bar.setAttribute("aria-hidden", "true");
  bar.append(fill);
  row.append(span("label", label), span("percent", percent(share)), bar, span("class-id", id));
  return row;
}

function placeholderRow() {
  const row = document.createElement("li");
  row.setAttribute("aria-hidden", "true");
  row.append(span("label", ""), span("percent", ""), span("bar", ""), span("class-id", ""));
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
  const pair = document.createElement("div");
  const term = document.createElement("dt");
  const value = document.createElement("dd");
  term.textContent = stageTitle(stage);
  term.dataset.stage = stage;
  value.textContent = text;
  pair.append(term, value);
  return pair;
}

function segment([stage, ms]) {
  const part = span("segment", "");
  part.dataset.stage = stage;
  part.style.setProperty("flex-grow", String(ms));
  part.title = `${stageTitle(stage)}: ${duration(ms)}`;
  return part;
}

function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
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
