// One photo through the service: in one call, or by an upload to S3.

import { readAnswer, readFields, readTicket } from "./answer.js";
import { call } from "./call.js";
import { keyHeader } from "./key.js";
import { postPhoto, upload } from "./post.js";
import { Problem } from "./problems.js";
import { noteContact } from "./wake.js";

const PREPARE_MS = 10_000; // in which Lambda prepares an inactive function

// `prepare` makes the file to send; `onStep` gets each step with a note: "once more", "instead".
export async function recognise(photo, { maxInCallBytes, maxBytes, prepare, ...run }) {
  const opened = await photo.open(run.signal);
  const startMs = performance.now();
  const { file, type } = prepare ? await prepare(opened) : opened;
  if (file.size > maxBytes) throw new Problem("too_large", { bytes: file.size, maxBytes });
  const prepareMs = prepare ? performance.now() - startMs : null;
  const counted = { ...run, calls: 0 };
  const way = file.size <= maxInCallBytes ? inCallElseByUpload : byUpload;
  const sent = { file, type, name: photo.name, original: photo };
  const { fields, stepsMs, path } = await way(sent, counted);
  const total = performance.now() - startMs;
  noteContact();
  return {
    answer: readAnswer(fields),
    fields,
    browserMs: { ...stepsMs, prepare: prepareMs, total },
    calls: counted.calls,
    isInCall: !path,
    bytes: { original: opened.file.size, sent: file.size },
    again: { sent, path },
  };
}

// The answer for the photo of an outcome again, with `explain` its map; it is not uploaded again.
export async function repeat({ again: { sent, path } }, { signal, explain = false } = {}) {
  const onStep = (step, note) => {
    if (note && !explain) throw new Problem("unavailable", { step }); // a race waits for nobody
  };
  const run = { signal: signal ?? new AbortController().signal, calls: 0, onStep, onProgress() {} };
  if (!path) return readAnswer((await inCall(sent, run, explain ? "?explain=true" : "")).fields);
  return readAnswer(await ask("classification", { ...byPath(path), explain }, run));
}

const byPath = (path) => ({ method: "classification", file_path: path });

async function inCallElseByUpload(photo, run) {
  try {
    return await inCall(photo, run);
  } catch (error) {
    // A proxy on the way may take less than the service, whose own limit holds for uploads, too.
    if (error.facts?.status !== 413 || error.reason === "image_too_large") throw error;
  }
  return byUpload(photo, run, "instead");
}

async function inCall({ file, type, name }, run, query = "") {
  const headers = { "Content-Type": type, ...keyHeader() };
  const startMs = performance.now();
  const fields = await onceMore("sending", run, async () => {
    let step = "sending";
    const onSent = () => run.onStep((step = "classification"));
    run.calls += 1;
    const sending = { ...run, headers, onSent };
    const url = `classification${query}`;
    const answer = await postPhoto(url, file, { file, name }, sending, () => step);
    return readFields(answer, { step: "classification", bytes: file.size });
  });
  // One time for both steps: browsers may say only then that all is sent.
  return { fields, stepsMs: { classification: performance.now() - startMs } };
}

async function byUpload({ file, type, name }, run, note) {
  const stepsMs = {};
  const bytes = file.size;
  const timed = async (step, work) => {
    const startMs = performance.now();
    const outcome = await work();
    stepsMs[step] = performance.now() - startMs;
    return outcome;
  };

  const ticket = await timed("uploads", async () =>
    readTicket(await ask("uploads", { content_type: type, bytes }, run, { bytes }, note)),
  );
  const { file_path: path, max_bytes: maxBytes } = ticket;
  if (bytes > maxBytes) throw new Problem("too_large", { bytes, maxBytes });
  await timed("storage", async () => {
    run.onStep("storage");
    run.calls += 1;
    await upload(ticket, { file, name }, run);
    run.onStored(ticket);
  });
  const fields = await timed("classification", () =>
    ask("classification", byPath(path), run, { bytes }),
  );
  return { fields, stepsMs, path };
}

function ask(step, body, run, facts, note) {
  const once = () => {
    run.calls += 1;
    return call(step, { body, facts, signal: run.signal });
  };
  return onceMore(step, run, once, note);
}

// Once more if the gateway reached no function: calls change nothing.
async function onceMore(step, { signal, onStep }, once, note = "") {
  onStep(step, note);
  try {
    return await once();
  } catch (error) {
    if (error.reason !== "unavailable") throw error;
  }
  onStep(step, "once more");
  signal.throwIfAborted();
  await new Promise((end, refuse) => {
    setTimeout(end, PREPARE_MS);
    signal.addEventListener("abort", () => refuse(signal.reason));
  });
  return once();
}
