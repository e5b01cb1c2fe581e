/** The photo that is shown, the step it is at, and problems. */

import { at, make, makeButton } from "./element.js";
import { explain, size } from "./problems.js";

const BEGIN = at("status").textContent;
const READY = "Ready for your photo.";

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
}

/** Say whether an instance is awake; what is said about a photo stays. */
export function showReady(isReady) {
  const status = at("status");
  if (status.textContent === (isReady ? BEGIN : READY)) status.textContent = isReady ? READY : BEGIN;
}

/** Say which way photos go. */
export function showWay(configuration) {
  const maxBytes = configuration?.max_in_request_bytes ?? 0;
  if (maxBytes > 0) {
    at("way").textContent =
      "The photo goes to a Lambda function in one call and is not stored; " +
      `one of more than ${size(maxBytes)} is uploaded to S3, where the function reads it.`;
  }
}

/** Say what is being done. */
export function showStep(words) {
  at("status").textContent = words;
  at("sent").textContent = "";
}

/** Say how much is sent, where it is not read out at each change. */
export function showSent(share) {
  at("sent").textContent = `${Math.floor(share * 100)}% sent`;
}

/** Scroll up on a small screen: a photo and its answer are in view together there. */
export function showTop() {
  if (matchMedia("(max-width: 52rem)").matches) scrollTo(0, 0);
}

/** Say that the answer is there. */
export function showDone(words, { bytes: { original, sent } }) {
  if (sent < original) at("photo-name").textContent += ` · sent as ${size(sent)}`;
  showStep(words);
}

/** Say what failed and keep the photo for another try. */
export function showFailure(problem, words) {
  showStep(words);
  at("problem").replaceChildren(...explained([problem]));
  at("again").textContent = "Try again";
}

/** Say what is wrong with files that never became photos, in place of what was said before. */
export function showRefused(problems) {
  at("refused").replaceChildren(...explained(problems));
  if (problems.length > 0) at("problem").replaceChildren();
}

/** Say that sending was stopped, and how many photos were not sent. */
export function showStopped(waiting) {
  const photos = waiting === 1 ? "1 photo is" : `${waiting} photos are`;
  showStep(waiting > 0 ? `Stopped: ${photos} not sent.` : "Stopped.");
}

/** Offer to stop while photos are sent, and then to send those that were not. */
export function showRest(isSending, waiting) {
  const words = isSending ? "Stop" : waiting > 0 ? `Send the rest (${waiting})` : "";
  if (!words && document.activeElement === at("rest")) at("again").focus();
  at("rest").hidden = !words;
  at("rest").textContent = words;
}

/** Show the samples, a button for each. */
export function showSamples(samples, onChoice) {
  if (at("samples").contains(document.activeElement)) at("choose").focus();
  at("samples").replaceChildren(...samples.map((sample) => sampleItem(sample, onChoice)));
  at("samples-card").hidden = samples.length === 0;
}

function sampleItem({ path, caption }, onChoice) {
  const picture = new Image(120, 90);
  picture.src = path;
  picture.alt = caption;
  picture.draggable = false;
  const button = makeButton(() => onChoice(path), picture);
  button.title = caption;
  return make("li", "", button);
}

/** Each problem's title; after the last one of a kind what to do. */
function explained(problems) {
  const all = problems.map(explain);
  return all.flatMap(({ title, advice, trace }, index) => {
    const isLast = all.slice(index + 1).every((other) => other.advice !== advice);
    const parts = [make("p", "problem-title", title)];
    if (isLast) parts.push(make("p", "", advice));
    if (trace) {
      const summary = make("summary", "", "For whoever runs the service");
      parts.push(make("details", "", summary, make("p", "", trace)));
    }
    return parts;
  });
}
