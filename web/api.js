/** One photo through the service: ask for an upload, upload to S3, classify. */

import { keyHeader } from "./key.js";
import { isReadable } from "./photos.js";
import { Problem } from "./problems.js";
import { post } from "./upload.js";
import { noteContact } from "./wake.js";

const CALL_TIMEOUT_MS = 35_000; // API Gateway itself gives up after 29 s
const PREPARE_MS = 10_000; // in which Lambda prepares a function that rested for weeks
const MAX_SAID_LENGTH = 200;
const MOST_CLASSES = 5;

/**
 * Send a photo and read the answer.
 *
 * @param {object} photo as made by photos.js.
 * @param {object} run `signal` ends it; `onStep` is told "uploads", "storage" and
 *   "classification" as each begins, and with true as one is to be tried once more; `onProgress`
 *   the share of the photo that is uploaded, 0 to 1; `prepare`, if any, makes of the opened photo
 *   what is sent.
 * @returns {Promise<object>} `answer`, as of readAnswer, `browserMs`: the time of each step and
 *   their `total` in milliseconds, and `bytes`: those of the `original` and of what was `sent`.
 * @throws {Problem} when a step fails.
 */
export async function recognise(photo, { signal, onStep, onProgress, prepare = null }) {
  const opened = await photo.open(signal);
  const prepareStart = performance.now();
  const { file, type } = prepare ? await prepare(opened) : opened;
  const prepareMs = performance.now() - prepareStart;
  const browserMs = {};
  const timed = async (step, work) => {
    onStep(step);
    const start = performance.now();
    const outcome = await work();
    browserMs[step] = performance.now() - start;
    return outcome;
  };

  const ticket = await timed("uploads", () => requestUpload(file, type, { signal, onStep }));
  browserMs.uploads += prepareMs;
  await timed("storage", () => upload(ticket, file, photo.name, { signal, onProgress }));
  const answer = await timed("classification", () =>
    classify(ticket.file_path, file, { signal, onStep }),
  );
  browserMs.total = browserMs.uploads + browserMs.storage + browserMs.classification;
  return { answer, browserMs, bytes: { original: opened.file.size, sent: file.size } };
}

async function requestUpload(file, type, run) {
  const request = { content_type: type, bytes: file.size };
  const ticket = await call("uploads", request, run, { bytes: file.size });
  if (!isText(ticket.url) || !isText(ticket.file_path) || !isObject(ticket.fields)) {
    throw new Problem("bad_answer", { step: "uploads" });
  }
  if (file.size > ticket.max_bytes) {
    throw new Problem("too_large", { bytes: file.size, maxBytes: ticket.max_bytes });
  }
  return ticket;
}

async function upload(ticket, file, name, run) {
  const form = new FormData();
  for (const [field, value] of Object.entries(ticket.fields)) form.append(field, value);
  form.append("file", file, name); // S3 ignores every field after the file

  let answer;
  try {
    answer = await post(ticket.url, form, run);
  } catch (error) {
    if (run.signal.aborted || (await isReadable(file))) throw error;
    throw new Problem("unreadable_file", { name });
  }
  if (!answer.ok) throw storageProblem(answer, file, ticket);
}

async function classify(filePath, file, run) {
  const request = { method: "classification", file_path: filePath };
  const fields = await call("classification", request, run, { bytes: file.size });
  noteContact();
  return readAnswer(fields);
}

/**
 * Call the API; once more if the gateway reached no function. Lambda rejects the first call after
 * weeks without one and then prepares the function. Both calls may be repeated: they change nothing.
 */
async function call(step, body, { signal, onStep }, facts) {
  try {
    return await callOnce(step, body, signal, facts);
  } catch (error) {
    if (error.reason !== "unavailable") throw error;
  }
  onStep(step, true);
  await pause(PREPARE_MS, signal);
  return callOnce(step, body, signal, facts);
}

function pause(ms, signal) {
  return new Promise((end, refuse) => {
    signal.throwIfAborted();
    const timer = setTimeout(end, ms);
    const stop = () => {
      clearTimeout(timer);
      refuse(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** POST JSON to the API and read JSON back; a problem carries `facts`. */
async function callOnce(step, body, signal, facts) {
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json", ...keyHeader() },
    body: JSON.stringify(body),
  };
  const { ok, status, text } = await send(step, request, signal);
  const fields = parseObject(text);
  if (ok && fields) return fields;
  throw apiProblem(fields, { ...facts, step, status });
}

/** Fetch with a time limit; the body is read within it. */
async function send(step, request, signal) {
  const limit = new AbortController();
  const stop = () => limit.abort();
  const timer = setTimeout(stop, CALL_TIMEOUT_MS);
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    const response = await fetch(step, { ...request, signal: limit.signal });
    return { ok: response.ok, status: response.status, text: await response.text() };
  } catch {
    signal.throwIfAborted();
    if (limit.signal.aborted) throw new Problem("timed_out", { step });
    throw new Problem(navigator.onLine ? "unreachable" : "offline", { step });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function apiProblem(fields, facts) {
  if (facts.status < 400) return new Problem("bad_answer", facts);
  // What API Gateway itself answers for an HTTP API has a message only.
  const unreached = facts.status >= 500 && isText(fields?.message) ? "unavailable" : "";
  const error = fields?.error ?? { code: unreached, message: fields?.message };
  const said = isText(error?.message) ? error.message.slice(0, MAX_SAID_LENGTH) : "";
  return new Problem(isText(error?.code) ? error.code : "", { ...facts, said });
}

function storageProblem({ status, text }, file, ticket) {
  const xml = new DOMParser().parseFromString(text, "application/xml");
  const code = xml.querySelector("Error > Code")?.textContent ?? "";
  const facts = {
    step: "storage",
    status,
    said: code,
    bytes: file.size,
    maxBytes: ticket.max_bytes,
  };
  if (code === "EntityTooLarge" || status === 413) return new Problem("too_large", facts);
  if (status === 403) return new Problem("upload_expired", facts);
  if (status >= 300 && status < 400) return new Problem("upload_redirected", facts);
  return new Problem(status >= 500 ? "storage_busy" : "upload_refused", facts);
}

/**
 * The classification answer, checked and with the paper's numbered keys made a list.
 *
 * `classes` ({id, label, share}, most likely first), `functionMs`, `stagesMs` ([name, ms] pairs),
 * `coldStart` (null when not told), `initMs`, `model`, `version`, `instanceId`.
 */
function readAnswer(fields) {
  const classes = [];
  for (let rank = 1; rank <= MOST_CLASSES && isText(fields[`TOP${rank}_ID`]); rank += 1) {
    classes.push({
      id: fields[`TOP${rank}_ID`],
      label: fields[`TOP${rank}_label`] || fields[`TOP${rank}_ID`],
      share: fields[`TOP${rank}_softmax`],
    });
  }
  if (classes.length === 0 || !classes.every(({ share }) => Number.isFinite(share))) {
    throw new Problem("bad_answer", { step: "classification" });
  }
  const stages = isObject(fields.stages_ms) ? Object.entries(fields.stages_ms) : [];
  return {
    classes,
    functionMs: Number.isFinite(fields.time) ? fields.time * 1000 : null,
    stagesMs: stages.filter(([, ms]) => Number.isFinite(ms)),
    coldStart: typeof fields.cold_start === "boolean" ? fields.cold_start : null,
    initMs: Number.isFinite(fields.init_ms) ? fields.init_ms : null,
    model: fields.model,
    version: fields.version,
    instanceId: fields.instance_id,
  };
}

function parseObject(text) {
  try {
    const value = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isText(value) {
  return typeof value === "string" && value !== "";
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
