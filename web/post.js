/** A POST that tells how far it is, and ends when nothing moves any more. */

import { Problem } from "./problems.js";

const STALL_TIMEOUT_MS = 60_000; // what was handed to the system may take a while on a slow line

/**
 * Post a photo. It takes as long as it needs, as long as it moves.
 *
 * @param {string} url where to.
 * @param {Blob | FormData} body what.
 * @param {object} run `signal` ends it; `headers`, if any, go with it; `onProgress` is told the
 *   share that is sent, 0 to 1; `onSent`, if any, is called when all of it is.
 * @returns {Promise<{ok: boolean, status: number, text: string}>} the answer.
 * @throws {Problem} "timed_out" when nothing moves, "unreachable" or "offline".
 */
export function post(url, body, { signal, headers = {}, onProgress, onSent = () => {} }) {
  const request = new XMLHttpRequest(); // fetch does not tell how far it is
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
