/** One photo through the service: in one call, or where it is too large, by an upload to S3. */

import { readAnswer, readFields, readTicket } from "./answer.js";
import { CALL_TIMEOUT_MS, keyHeader } from "./key.js";
import { postPhoto, upload } from "./post.js";
import { Problem } from "./problems.js";
import { noteContact } from "./wake.js";

const PREPARE_MS = 10_000; // in which Lambda prepares a function that rested for weeks

/**
 * Send a photo and read the answer; throws a Problem when a step fails. A photo larger than
 * `maxInCallBytes` is uploaded, one larger than `maxBytes` refused; `prepare` makes the one to send.
 * `onStep` gets each step with a note: "once more" for a second try, "instead" for an upload.
 */
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
    isInCall: !("storage" in stepsMs),
    bytes: { original: opened.file.size, sent: file.size },
    again: { sent, path },
  };
}

/**
 * The answer for the photo of an outcome again; an uploaded photo is not uploaded again. With
 * `explain` it has the map, and a call that reached no function is made once more.
 */
export async function repeat({ again: { sent, path } }, { signal, explain = false } = {}) {
  const onStep = (step, note) => {
    if (note && !explain) throw new Problem("unavailable", { step }); // a race waits for nobody
  };
  const run = { signal: signal ?? new AbortController().signal, calls: 0, onStep, onProgress() {} };
  if (!path) return readAnswer((await inCall(sent, run, explain ? "?explain=true" : "")).fields);
  const request = { method: "classification", file_path: path, explain };
  return readAnswer(await call("classification", request, run, {}));
}

async function inCallElseByUpload(photo, run) {
  try {
    return await inCall(photo, run);
  } catch (error) {
    // A proxy on the way may take less than the service; the service's own limit is one of uploads.
    if (error.facts?.status !== 413 || error.reason === "image_too_large") throw error;
  }
  return byUpload(photo, run, "instead");
}

async function inCall({ file, type, name }, run, query = "") {
  const headers = { "Content-Type": type, ...keyHeader() };
  const startMs = performance.now();
  const fields = await onceMore("sending", run, async () => {
    let step = "sending";
    const onSent = () => {
      step = "classification";
      run.onStep(step);
    };
    run.calls += 1;
    const sending = { ...run, headers, onSent };
    const url = `classification${query}`;
    const answer = await postPhoto(url, file, { file, name }, sending, () => step);
    return readFields(answer, { step: "classification", bytes: file.size });
  });
  // One time for both steps: browsers may say that all is sent only when the answer is there.
  return { fields, stepsMs: { classification: performance.now() - startMs } };
}

async function byUpload({ file, type, name }, run, note = "") {
  const stepsMs = {};
  const timed = async (step, work) => {
    const startMs = performance.now();
    const outcome = await work();
    stepsMs[step] = performance.now() - startMs;
    return outcome;
  };

  const ticket = await timed("uploads", () => requestUpload(file, type, run, note));
  await timed("storage", async () => {
    run.onStep("storage");
    run.calls += 1;
    await upload(ticket, { file, name }, run);
    run.onStored(ticket);
  });
  const request = { method: "classification", file_path: ticket.file_path };
  const facts = { bytes: file.size };
  const fields = await timed("classification", () => call("classification", request, run, facts));
  return { fields, stepsMs, path: ticket.file_path };
}

async function requestUpload(file, type, run, note) {
  const request = { content_type: type, bytes: file.size };
  const ticket = readTicket(await call("uploads", request, run, { bytes: file.size }, note));
  if (file.size > ticket.max_bytes) {
    throw new Problem("too_large", { bytes: file.size, maxBytes: ticket.max_bytes });
  }
  return ticket;
}

/** POST JSON to the API and read JSON back, within a time limit. */
async function call(step, body, run, facts, note = "") {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json", ...keyHeader() },
    body: JSON.stringify(body),
  };
  const once = async () => {
    run.calls += 1;
    return readFields(await send(step, request, run.signal), { ...facts, step });
  };
  return onceMore(step, run, once, note);
}

/**
 * Begin a step with a call of the API; once more if the gateway reached no function, as after weeks
 * without a call. All calls may be repeated: they change nothing.
 */
async function onceMore(step, { signal, onStep }, once, note = "") {
  onStep(step, note);
  try {
    return await once();
  } catch (error) {
    if (error.reason !== "unavailable") throw error;
  }
  onStep(step, "once more");
  signal.throwIfAborted();
  await pause(PREPARE_MS, signal);
  return once();
}

function pause(ms, signal) {
  return new Promise((end, refuse) => {
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      refuse(signal.reason);
    });
  });
}

/** Fetch with a time limit; the body is read within it. */
async function send(step, request, signal) {
  const limit = AbortSignal.timeout(CALL_TIMEOUT_MS);
  try {
    const response = await fetch(step, { ...request, signal: AbortSignal.any([signal, limit]) });
    return { ok: response.ok, status: response.status, text: await response.text() };
  } catch {
    signal.throwIfAborted();
    if (limit.aborted) throw new Problem("timed_out", { step });
    throw new Problem(navigator.onLine ? "unreachable" : "offline", { step });
  }
}
