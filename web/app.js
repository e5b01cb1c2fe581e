/** The page: what a person does, turned into runs of one photo at a time. */

import { recognise } from "./api.js";
import { photoFromFile, photoFromFiles, photoFromSample, release } from "./photos.js";
import { Problem } from "./problems.js";
import * as result from "./result.js";
import { samplesOfServedModel } from "./samples.js";
import * as view from "./view.js";

const STATUS_OF_STEP = {
  uploads: "Asking for an upload…",
  storage: "Uploading…",
  classification: "Classifying…",
};

let current = null; // the photo in the frame
let answered = null; // the photo that the result card is about
let run = new AbortController(); // ends when a newer photo comes
let latestOffer = 0;

/** Take up whatever was chosen, dropped or pasted: send it, or say why not. */
async function offer(makePhoto) {
  latestOffer += 1;
  const offerNumber = latestOffer;
  try {
    const photo = await makePhoto();
    if (offerNumber === latestOffer) classify(photo);
    else release(photo);
  } catch (error) {
    if (offerNumber === latestOffer) view.showProblem(asProblem(error));
  }
}

/** Send a photo; a run that is still going on is cancelled and shows nothing more. */
async function classify(photo) {
  run.abort();
  run = new AbortController();
  const { signal } = run;
  let failedStep = null;

  replaceCurrent(photo);
  view.showStep(null, "Opening the photo…");
  try {
    const outcome = await recognise(photo, {
      signal,
      onStep: (step) => {
        if (signal.aborted) return;
        failedStep = step;
        view.showStep(step, STATUS_OF_STEP[step]);
      },
    });
    if (signal.aborted) return;
    replaceAnswered(photo, outcome);
    view.showDone(result.summary(outcome));
  } catch (error) {
    if (!signal.aborted) view.showFailure(asProblem(error), failedStep);
  }
}

function replaceCurrent(photo) {
  const before = current;
  current = photo;
  view.showPhoto(photo);
  if (answered && answered !== photo) result.markPrevious(answered);
  releaseUnused(before);
}

function replaceAnswered(photo, outcome) {
  const before = answered;
  answered = photo;
  result.showResult(photo, outcome);
  releaseUnused(before);
}

function releaseUnused(photo) {
  if (photo && photo !== current && photo !== answered) release(photo);
}

function asProblem(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem("unexpected");
}

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].some((type) => /^(Files|text\/uri-list)$/.test(type));
}

function wireInput(buttonId, inputId) {
  const input = document.getElementById(inputId);
  document.getElementById(buttonId).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // so that choosing the same file again counts as a change
    if (file) offer(() => photoFromFile(file));
  });
}

function wireDrop() {
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    view.showDragging(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) view.showDragging(false);
  });
  addEventListener("drop", (event) => {
    view.showDragging(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    offer(() => photoFromFiles(files, "nothing_dropped"));
  });
}

function wirePaste() {
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    offer(() => photoFromFiles(files, "nothing_pasted"));
  });
}

async function offerSamples() {
  const samples = await samplesOfServedModel();
  view.showSamples(samples, (sample) => offer(async () => photoFromSample(sample)));
}

result.showEmpty();
wireInput("choose", "file-input");
wireInput("take", "camera-input");
wireDrop();
wirePaste();
offerSamples();
document.getElementById("again").addEventListener("click", () => classify(current));
