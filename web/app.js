// The page: runs of one photo after the other.

import { recognise } from "./api.js";
import * as copies from "./copy.js";
import { at } from "./element.js";
import * as history from "./history.js";
import { takePhotos } from "./inputs.js";
import { forNextVisit, takeKey } from "./key.js";
import * as kept from "./kept.js";
import { offerMap } from "./map.js";
import { listOf, modelOf } from "./model.js";
import { keepForOffline } from "./offline.js";
import { photoFromSample, release } from "./photos.js";
import { asProblem, explain, meetsEveryPhoto } from "./problems.js";
import { noteCall, offerRace } from "./race.js";
import * as result from "./result.js";
import { readConfiguration, samplesOf } from "./samples.js";
import { shrunk } from "./shrink.js";
import * as view from "./view.js";
import { wake, wakeAgain, wakeAhead } from "./wake.js";

const STATUS = {
  sending: "Sending…",
  uploads: "Preparing the upload…",
  storage: "Uploading…",
  classification: "Classifying…",
  "once more":
    "The service is not ready. AWS may be preparing it after weeks without calls. Trying again in 10 seconds…",
  instead: "The photo is too large for one call: preparing an upload…",
};
const SHRINK_STORED = "warmlens-shrink";
const QUICK_MS = 5000; // an answer waits so long for its model

let current = null; // the photo in the frame
let answered = null; // the photo of the result
let answeredWith = null; // its outcome
let run = new AbortController(); // ends with newer photos, or when stopped
let isSending = false;
let latestOffer = 0;
let local = null; // what only the local cloud has
let galleryOf = null; // name of the model that the samples are for
let samples = [];

const shrink = at("shrink");
const config = readConfiguration();

async function offer(makePhotos) {
  latestOffer += 1;
  const offerNumber = latestOffer;
  view.showRefused([]);
  view.showTop();
  wake(); // reading takes a moment
  try {
    const { photos, refused } = await makePhotos();
    if (offerNumber !== latestOffer) return photos.forEach(release);
    if (photos.length > 0) await sendAll(photos, refused);
    else view.showRefused(refused);
  } catch (error) {
    if (offerNumber === latestOffer) view.showRefused([asProblem(error)]);
  }
}

// Newer photos end this, and the rest waits.
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

function endRun() {
  run.abort();
  isSending = false;
  history.giveUp();
  showRest();
}

// Send one photo; returns whether it makes sense to send the next one.
async function send(photo, signal, place) {
  const mayShrink = !shrink.checked;
  history.noteSending(photo);
  replaceCurrent(photo);
  view.showStep(`Opening the photo…${place}`);
  const known = (await config) ?? {};
  try {
    const outcome = await recognise(photo, {
      signal,
      maxInCallBytes: known.max_in_request_bytes ?? 0,
      maxBytes: known.max_image_bytes,
      prepare: mayShrink ? null : shrunk,
      onStep: (step, note = "") => {
        if (signal.aborted) return;
        view.showStep((STATUS[note] ?? STATUS[step]) + place);
      },
      onStored: (ticket) => kept.noteStored(photo, ticket),
      onProgress: (share) => {
        if (signal.aborted) return;
        view.showSent(share);
        wake(); // an idle instance may not live so long
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
    problem.facts = { ...known, mayShrink, ...problem.facts };
    const mayGoOn = !meetsEveryPhoto(problem);
    if (mayGoOn) history.noteFailure(photo, explain(problem).title); // else it waits
    const words = history.answerOf(photo)
      ? "Not classified this time; the earlier answer is kept."
      : "Not classified.";
    if (answered === photo) offerMap(history.answerOf(photo));
    view.showFailure(problem, words);
    return mayGoOn;
  }
}

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
  copies.offer(outcome);
  showCard(outcome.answer);
  listOf(outcome.answer);
  offerMap(outcome);
  releaseUnused(before);
}

function releaseUnused(photo) {
  if (photo && photo !== current && photo !== answered && !history.has(photo)) release(photo);
}

function showRest() {
  const waiting = history.waiting();
  const isThereMore = waiting.some((photo) => photo !== current);
  view.showRest(isSending, isThereMore ? waiting.length : 0);
}

async function outcomeToRace() {
  if (!answeredWith && samples.length > 0) await offerSample(samples[0].path);
  return answeredWith;
}

function offerSample(path) {
  return offer(async () => ({ photos: [photoFromSample(path)], refused: [] }));
}

async function showCard({ name, version }) {
  const file = `${name}-${version}.txt`;
  at("card").hidden = !(await config)?.cards?.includes(file);
  at("card").href = `cards/${file}`;
}

async function configure() {
  const known = await config;
  wakeAhead(known, view.showReady);
  view.showWay(known);
  kept.configure(known);
  copies.configure(known);
  offerRace(known, outcomeToRace);
  showCard({ name: known?.model_name, version: known?.model_version });
  await offerSamplesOf({ name: known?.model_name });
  if (!known?.fleet) return;
  local = await import("./local.js").catch(() => null);
  local?.begin(offerSamplesOf, () => answered && sendAll([answered]));
}

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
shrink.checked = forNextVisit.get(SHRINK_STORED) === "yes";
shrink.onchange = () => forNextVisit.set(SHRINK_STORED, shrink.checked ? "yes" : "no");
result.showEmpty();
history.listen(choose);
takePhotos(offer, (problem) => view.showRefused([problem]));
configure();
at("rest").onclick = () => {
  if (!isSending) return void sendAll(history.waiting());
  endRun();
  view.showStopped(history.waiting().length);
};
at("again").onclick = () => sendAll([current]);
keepForOffline(() => isSending);
