/** Sending a photo: it reports its progress, and ends when nothing moves any more. */

import { isReadable } from "./photos.js";
import { Problem } from "./problems.js";

const STALL_TIMEOUT_MS = 60_000; // what was handed to the system may take a while on a slow line

/**
 * Post a photo, or a form with it; it may take as long as it needs while it moves. `stepNow` names
 * the step of a problem.
 */
export async function postPhoto(url, body, { file, name }, run, stepNow) {
  try {
    return await post(url, body, run);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!(await isReadable(file))) throw new Problem("unreadable_file", { name });
    error.facts.step = stepNow();
    throw error;
  }
}

function post(url, body, { signal, headers = {}, onProgress, onSent = () => {} }) {
  const request = new XMLHttpRequest(); // fetch reports no progress
  const stop = () => request.abort();
  let timer = 0;
  let isStalled = false;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isStalled = true;
      stop();
    }, STALL_TIMEOUT_MS);
  };
  const failure = () => {
    if (signal.aborted) return signal.reason;
    return new Problem(isStalled ? "timed_out" : navigator.onLine ? "unreachable" : "offline");
  };

  return new Promise((answer, refuse) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", stop);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      watch();
      onProgress(total > 0 ? loaded / total : 0);
    });
    request.upload.addEventListener("load", onSent);
    request.addEventListener("load", () => {
      const { status, responseText: text } = request;
      answer({ ok: status >= 200 && status < 300, status, text });
    });
    request.addEventListener("error", () => refuse(failure()));
    request.addEventListener("abort", () => refuse(failure()));
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
    watch();
  }).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}

/** Upload a photo with the answer of the call "uploads"; throws a Problem when it is not stored. */
export async function upload(ticket, { file, name }, run) {
  const form = new FormData();
  for (const [field, value] of Object.entries(ticket.fields)) form.append(field, value);
  form.append("file", file, name); // S3 ignores every field after the file

  const answer = await postPhoto(ticket.url, form, { file, name }, run, () => "storage");
  if (!answer.ok) throw storageProblem(answer, file, ticket);
}

function storageProblem({ status, text }, file, ticket) {
  const xml = new DOMParser().parseFromString(text, "application/xml");
  const code = xml.querySelector("Error > Code")?.textContent ?? "";
  const sizes = { bytes: file.size, maxBytes: ticket.max_bytes };
  const facts = { step: "storage", status, said: code, ...sizes };
  if (code === "EntityTooLarge" || status === 413) return new Problem("too_large", facts);
  if (status === 403) return new Problem("upload_expired", facts);
  if (status >= 300 && status < 400) return new Problem("upload_redirected", facts);
  return new Problem(status >= 500 ? "storage_busy" : "upload_refused", facts);
}
