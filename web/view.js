/** What the page shows: the photo, the step it is at, problems. */

import { at, make, makeButton } from "./element.js";
import { size } from "./photos.js";
import { explain } from "./problems.js";

const stepItems = [...at("steps").children];
const BEGIN = at("status").textContent;
const READY = "Ready for your photo.";
const NOT_IN_ONE_CALL = new Set(["uploads", "storage"]);

let isOneCall = false; // the way of the photo in the frame

/** Put the photo that is sent now into the frame. */
export function showPhoto(photo) {
  at("problem").replaceChildren();
  at("again").textContent = "Send again";
  at("again").hidden = false;
  at("photo-name").textContent = photo.caption;
  const picture = at("photo");
  if (picture.getAttribute("src") === photo.url) return; // sent again: it is there already
  picture.hidden = false;
  picture.src = photo.url;
  picture.alt = `Your photo: ${photo.name}`;
  at("frame-empty").hidden = true;
  at("frame-broken").hidden = true;
}

/** Say that an instance is awake, or no longer; what is said of a photo stays. */
export function showReady(isReady) {
  const status = at("status");
  if (status.textContent === (isReady ? BEGIN : READY)) status.textContent = isReady ? READY : BEGIN;
}

/** Say which way photos go; where the configuration names no limit, they are uploaded. */
export function showWay(configuration) {
  const maxBytes = configuration?.max_in_request_bytes ?? 0;
  if (maxBytes > 0) {
    at("way").textContent =
      "The photo goes to a Lambda function in one call and is not stored; " +
      `one of more than ${size(maxBytes)} is uploaded to S3, where the function reads it.`;
  }
}

/** Say what is being done; the step is null before the first one. */
export function showStep(step, words) {
  isOneCall = step === "sending" || (isOneCall && step === "classification");
  markSteps(step, "current");
  say(words);
}

/** Say how much is sent: beside the status, so that not each change is read out. */
export function showSent(share) {
  at("sent").textContent = `${Math.floor(share * 100)}% sent`;
}

/** Say that the answer is there. */
export function showDone(words, { isInCall, bytes: { original, sent } }) {
  isOneCall = isInCall;
  markSteps(null, "", { allDone: true });
  if (sent < original) at("photo-name").textContent += ` · sent as ${size(sent)}`;
  say(words);
}

/** Say what failed and keep the photo for another try. */
export function showFailure(problem, step, words) {
  markSteps(step, "failed");
  say(words);
  at("problem").replaceChildren(...explained(problem));
  at("again").textContent = "Try again";
}

/** Say what is wrong with something that never became the photo; null takes it back. */
export function showRefused(problem) {
  at("refused").replaceChildren(...(problem ? explained(problem) : []));
}

/** Say that sending was stopped, and how many photos were not sent. */
export function showStopped(waiting) {
  isOneCall = false;
  markSteps(null, "");
  const photos = waiting === 1 ? "1 photo is" : `${waiting} photos are`;
  say(waiting > 0 ? `Stopped: ${photos} not sent.` : "Stopped.");
}

/** Offer to stop while photos are sent, and then to send those that were not. */
export function showRest(isSending, waiting) {
  const words = isSending ? "Stop" : waiting > 0 ? `Send the rest (${waiting})` : "";
  if (!words && document.activeElement === at("rest")) at("again").focus();
  at("rest").hidden = !words;
  at("rest").textContent = words;
}

/** Show the samples, a button for each; without any there is nothing to show. */
export function showSamples(samples, onChoice) {
  if (at("samples").contains(document.activeElement)) at("choose").focus();
  at("samples").replaceChildren(...samples.map((sample) => sampleItem(sample, onChoice)));
  at("samples-card").hidden = samples.length === 0;
}

/** Say how many bytes were not sent since the page was opened. */
export function showSaved(bytes) {
  at("saved").textContent = bytes > 0 ? `Saved so far: ${size(bytes)}.` : "";
}

/** Show or hide that files may be dropped anywhere. */
export function showDragging(isDragging) {
  at("drop-hint").classList.toggle("is-shown", isDragging);
}

at("photo").addEventListener("error", () => {
  at("photo").hidden = true;
  at("frame-broken").hidden = false;
});

function say(words) {
  at("status").textContent = words;
  at("sent").textContent = "";
}

function markSteps(current, mark, { allDone = false } = {}) {
  const shown = current === "sending" ? "classification" : current;
  const position = stepItems.findIndex((item) => item.dataset.step === shown);
  for (const [index, item] of stepItems.entries()) {
    const isCurrent = index === position;
    const isSkipped = isOneCall && NOT_IN_ONE_CALL.has(item.dataset.step);
    const state = allDone || index < position ? "done" : isCurrent ? mark : "";
    item.dataset.state = isSkipped ? "skipped" : state;
    item.ariaCurrent = isCurrent ? "step" : null;
  }
}

function sampleItem({ path, caption }, onChoice) {
  const picture = new Image(160, 120);
  picture.src = path;
  picture.alt = "";
  picture.draggable = false;
  return make("li", "", makeButton(() => onChoice(path), picture, caption));
}

function explained(problem) {
  const { title, advice, trace } = explain(problem);
  const parts = [make("p", "problem-title", title), make("p", "", advice)];
  if (trace) {
    const summary = make("summary", "", "For whoever runs the service");
    parts.push(make("details", "", summary, make("p", "", trace)));
  }
  return parts;
}
