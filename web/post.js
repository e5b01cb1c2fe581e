/** A POST of a photo that reports its progress, and ends when nothing moves any more. */

import { isReadable } from "./photos.js";
import { Problem } from "./problems.js";

const STALL_TIMEOUT_MS = 60_000; // what was handed to the system may take a while on a slow line

/**
 * Post a photo. It may take as long as it needs while it moves.
 *
 * @param {Blob | FormData} body the photo itself, or a form with it.
 * @param {object} run `signal` ends it; `headers`, if any, go with it; `onProgress` receives the
 *   share that is sent, 0 to 1; `onSent`, if any, is called when all of it is.
 * @param {() => string} stepNow returns the step for a problem.
 * @returns {Promise<{ok: boolean, status: number, text: string}>} the answer.
 * @throws {Problem} "timed_out" when nothing moves, "unreachable", "offline" or "unreadable_file".
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
