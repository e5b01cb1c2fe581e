/** The page: what a person does, turned into runs of one photo after the other. */

import { recognise } from "./api.js";
import { configure as configureCopies, offerCopies } from "./copy.js";
import { at } from "./element.js";
import * as history from "./history.js";
import { takePhotos } from "./inputs.js";
import { forNextVisit, takeKey } from "./key.js";
import * as kept from "./kept.js";
import { offerMap } from "./map.js";
import { listOf, modelOf } from "./model.js";
import { keepForOffline } from "./offline.js";
import { photoFromSample, release } from "./photos.js";
import { explain, meetsEveryPhoto, Problem } from "./problems.js";
import { noteCall, offerRace } from "./race.js";
import * as result from "./result.js";
import { readConfiguration, samplesOf } from "./samples.js";
import { shrunk } from "./shrink.js";
import * as view from "./view.js";
import { wake, wakeAgain, wakeAhead } from "./wake.js";

const STATUS_OF_STEP = {
  sending: "Sending…",
  uploads: "Asking for an upload…",
  storage: "Uploading…",
  classification: "Classifying…",
};
const STATUS_OF_NOTE = {
  "once more": "The service has rested and is being prepared: trying once more in 10 seconds…",
  instead: "The photo is too large for one call: asking for an upload…",
};
const SHRINK_STORED = "warmlens-shrink";
const QUICK_MS = 5000; // the most that an answer waits for its model's description

let current = null; // the photo in the frame
let answered = null; // the photo that the result card is about
let answeredWith = null; // its outcome
let run = new AbortController(); // ends when newer photos come, or a person stops it
let isSending = false;
let latestOffer = 0;
let local = null; // what only the local cloud has
let galleryOf = null; // name of the model that the samples are for
let samples = [];

const shrink = at("shrink");
const configuration = readConfiguration();

/** Send the photos that were chosen, and report the files that are not photos. */
async function offer(makePhotos) {
  latestOffer += 1;
  const offerNumber = latestOffer;
  view.showRefused([]);
  view.showTop();
  wake(); // reading and shrinking a photo takes a moment
  try {
    const { photos, refused } = await makePhotos();
    if (offerNumber !== latestOffer) return photos.forEach(release);
    if (photos.length > 0) await sendAll(photos, refused);
    else view.showRefused(refused);
  } catch (error) {
    if (offerNumber === latestOffer) view.showRefused([asProblem(error)]);
  }
}

/** Send photos in their order; newer ones end this, and the rest waits. */
async function sendAll(photos, refused = []) {
  endRun();
  view.showRefused(refused);
  run = new AbortController();
  isSending = true;
  const { signal } = run;
  const dropped = history.add(photos.filter((photo) => !history.has(photo)));
  for (const [index, photo] of photos.entries()) {
    const place = photos.length > 1 ? ` (${index + 1} of ${photos.length})` : "";
    const mayGoOn = await send(photo, signal, place);
    if (!mayGoOn || signal.aborted) break;
  }
  dropped.forEach(releaseUnused);
  if (!signal.aborted) endRun();
}

/** End the run, if there is one; what it has not sent waits. */
function endRun() {
  run.abort();
  isSending = false;
  history.giveUp();
  showRest();
}

/** Send one photo; returns whether it makes sense to send the next one. */
async function send(photo, signal, place) {
  const mayShrink = !shrink.checked;
  history.noteSending(photo);
  replaceCurrent(photo);
  view.showStep(`Opening the photo…${place}`);
  try {
    const outcome = await recognise(photo, {
      signal,
      ...(await limits()),
      prepare: mayShrink ? null : shrunk,
      onStep: (step, note = "") => {
        if (signal.aborted) return;
        view.showStep((STATUS_OF_NOTE[note] ?? STATUS_OF_STEP[step]) + place);
      },
      onStored: (ticket) => kept.noteStored(photo, ticket),
      onProgress: (share) => {
        if (signal.aborted) return;
        view.showSent(share);
        wake(); // sending may take longer than an idle instance lives
      },
    });
    const { answer } = outcome;
    if (answer.isUnsure) outcome.model = await modelOf(answer, QUICK_MS).catch(() => null);
    if (signal.aborted) return false;
    local?.noteModel(answer);
    offerSamplesOf(answer);
    if (outcome.isInCall) kept.noteInCall(photo);
    history.noteAnswer(photo, outcome);
    replaceAnswered(photo, outcome);
    view.showDone(result.summary(outcome), outcome);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    const problem = asProblem(error);
    problem.facts = { ...(await limits()), ...problem.facts, mayShrink };
    const mayGoOn = !meetsEveryPhoto(problem);
    if (mayGoOn) history.noteFailure(photo, explain(problem).title); // else it waits
    const words = history.answerOf(photo)
      ? "Not classified this time; the answer from before is kept."
      : "Not classified.";
    if (answered === photo) offerMap(history.answerOf(photo));
    view.showFailure(problem, words);
    return mayGoOn;
  }
}

/** The limits for photos that the configuration names. */
async function limits() {
  const known = await configuration;
  return {
    maxInCallBytes: known?.max_in_request_bytes ?? 0,
    maxBytes: known?.max_image_bytes,
    maxPixels: known?.max_image_pixels,
  };
}

/** A photo of the history: its answer again, else another try. */
function choose({ photo, state, outcome }) {
  if (state === "sending") return;
  view.showRefused([]);
  view.showTop();
  if (state !== "answered") return void sendAll([photo]);
  endRun();
  replaceCurrent(photo);
  replaceAnswered(photo, outcome);
  view.showDone(result.summary(outcome), outcome);
}

function replaceCurrent(photo) {
  const before = current;
  current = photo;
  view.showPhoto(photo);
  kept.showOf(photo);
  offerMap(null);
  if (answered && answered !== photo) result.markPrevious(answered);
  releaseUnused(before);
  history.showCurrent(current);
  showRest();
}

function replaceAnswered(photo, outcome) {
  const before = answered;
  answered = photo;
  answeredWith = outcome;
  result.showResult(photo, outcome);
  noteCall(outcome);
  offerCopies(outcome);
  showCard(outcome.answer);
  listOf(outcome.answer);
  offerMap(outcome);
  releaseUnused(before);
}

function releaseUnused(photo) {
  if (photo && photo !== current && photo !== answered && !history.has(photo)) release(photo);
}

/** The button that stops, or sends what waits. */
function showRest() {
  const waiting = history.waiting();
  const isThereMore = waiting.some((photo) => photo !== current);
  view.showRest(isSending, isThereMore ? waiting.length : 0);
}

/** The answer to repeat in a race: that of the result, else of the first sample. */
async function outcomeToRace() {
  if (!answeredWith && samples.length > 0) await offerSample(samples[0].path);
  return answeredWith;
}

function offerSample(path) {
  return offer(async () => ({ photos: [photoFromSample(path)], refused: [] }));
}

/** Link to the card of a model, where the service has one. */
async function showCard({ name, version }) {
  const file = `${name}-${version}.txt`;
  at("card").hidden = !(await configuration)?.cards?.includes(file);
  at("card").href = `cards/${file}`;
}

function stopOrSendRest() {
  if (!isSending) return void sendAll(history.waiting());
  endRun();
  view.showStopped(history.waiting().length);
}

function asProblem(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem("unexpected");
}

function wireShrink() {
  shrink.checked = forNextVisit.get(SHRINK_STORED) === "yes";
  shrink.addEventListener("change", () => {
    forNextVisit.set(SHRINK_STORED, shrink.checked ? "yes" : "no");
  });
}

/** Offer what the service's configuration allows; the page works without one. */
async function configure() {
  const known = await configuration;
  wakeAhead(known, view.showReady);
  view.showWay(known);
  kept.configure(known);
  configureCopies(known);
  offerRace(known, outcomeToRace);
  showCard({ name: known?.model_name, version: known?.model_version });
  await offerSamplesOf({ name: known?.model_name });
  if (!known?.fleet) return;
  local = await import("./local.js").catch(() => null); // the connection may be gone by now
  local?.begin(offerSamplesOf, () => answered && sendAll([answered]));
}

/** Offer the samples of the model that is served. */
async function offerSamplesOf({ name }) {
  if (name === galleryOf) return;
  galleryOf = name;
  if (!answeredWith) listOf(null);
  const found = await samplesOf(name);
  if (name !== galleryOf) return;
  samples = found;
  view.showSamples(samples, offerSample);
}

takeKey();
addEventListener("hashchange", () => {
  if (takeKey()) wakeAgain(); // the link with the key, opened in this tab
});
result.showEmpty();
history.listen(choose);
takePhotos(offer, (problem) => view.showRefused([problem]));
wireShrink();
configure();
at("rest").addEventListener("click", stopOrSendRest);
at("again").addEventListener("click", () => sendAll([current]));
keepForOffline(() => isSending);
