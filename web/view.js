import { at, make, say } from "./element.js";
import { explain, size } from "./problems.js";

const BEGIN = at("status").textContent;
const READY = "Ready for your photo.";

export function showPhoto(photo) {
  at("problem").replaceChildren();
  say("again", "Send again");
  at("again").hidden = false;
  say("photo-name", photo.caption);
  const picture = at("photo");
  if (picture.getAttribute("src") === photo.url) return; // sent again: it is there already
  picture.hidden = false;
  picture.src = photo.url;
  picture.alt = `Your photo: ${photo.name}`;
  at("frame-empty").hidden = true;
}

export function showReady(isReady) {
  const [before, after] = isReady ? [BEGIN, READY] : [READY, BEGIN];
  if (at("status").textContent === before) say("status", after);
}

export function showWay(config) {
  const maxBytes = config?.max_in_request_bytes ?? 0;
  if (maxBytes === 0) return;
  const most = size(maxBytes);
  const small = "The photo goes to a Lambda function in one call and is not stored.";
  say("way", `${small} A photo of more than ${most} is uploaded to S3, where the function reads it.`);
}

export function showStep(words) {
  say("status", words);
  say("sent", "");
}

// Not in the status, which is read out at each change.
export function showSent(share) {
  say("sent", `${Math.floor(share * 100)}% sent`);
}

// On a small screen a photo and its answer are in view together there.
export function showTop() {
  if (matchMedia("(max-width: 52rem)").matches) scrollTo(0, 0);
}

export function showDone(words, { bytes: { original, sent } }) {
  if (sent < original) at("photo-name").textContent += ` · sent as ${size(sent)}`;
  showStep(words);
}

export function showFailure(problem, words) {
  showStep(words);
  at("problem").replaceChildren(...explained([problem]));
  say("again", "Try again");
}

export function showRefused(problems) {
  at("refused").replaceChildren(...explained(problems));
  if (problems.length > 0) at("problem").replaceChildren();
}

export function showStopped(waiting) {
  const photos = waiting === 1 ? "1 photo is" : `${waiting} photos are`;
  showStep(waiting > 0 ? `Stopped: ${photos} not sent.` : "Stopped.");
}

export function showRest(isSending, waiting) {
  const words = isSending ? "Stop" : waiting > 0 ? `Send the rest (${waiting})` : "";
  if (!words && document.activeElement === at("rest")) at("again").focus();
  at("rest").hidden = !words;
  say("rest", words);
}

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
  const button = make("button", "", picture);
  button.onclick = () => onChoice(path);
  button.title = caption;
  return make("li", "", button);
}

// Each problem's title; after the last one of a kind what to do.
function explained(problems) {
  const all = problems.map(explain);
  return all.flatMap(({ title, advice, trace }, index) => {
    const isLast = all.slice(index + 1).every((other) => other.advice !== advice);
    const parts = [make("p", "problem-title", title)];
    if (isLast) parts.push(make("p", "", advice));
    if (trace) {
      const summary = make("summary", "", "For the person who runs it");
      parts.push(make("details", "", summary, make("p", "", trace)));
    }
    return parts;
  });
}
