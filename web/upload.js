/** An upload that tells how far it is, and ends when nothing moves any more. */

import { Problem } from "./problems.js";

const STALL_TIMEOUT_MS = 60_000; // what was handed to the system may take a while on a slow line

/**
 * Post a form. It takes as long as it needs, as long as it moves.
 *
 * @param {string} url where to.
 * @param {FormData} form what.
 * @param {object} run `signal` ends it; `onProgress` is told the share that is sent, 0 to 1.
 * @returns {Promise<{ok: boolean, status: number, text: string}>} the answer.
 * @throws {Problem} "timed_out" when nothing moves, "unreachable" or "offline".
 */
export function post(url, form, { signal, onProgress }) {
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
    const reason = isStalled ? "timed_out" : navigator.onLine ? "unreachable" : "offline";
    return new Problem(reason, { step: "storage" });
  };

  return new Promise((answer, refuse) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", stop);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      watch();
      onProgress(total > 0 ? loaded / total : 0);
    });
    request.addEventListener("load", () => {
      const { status, responseText: text } = request;
      answer({ ok: status >= 200 && status < 300, status, text });
    });
    request.addEventListener("error", () => refuse(failure()));
    request.addEventListener("abort", () => refuse(failure()));
    request.open("POST", url);
    request.send(form);
    watch();
  }).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}
