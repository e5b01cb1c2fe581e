import { isReadable } from "./photos.js";
import { Problem } from "./problems.js";

const STALL_TIMEOUT_MS = 60_000;

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

  return new Promise((answer, refuse) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", stop);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      watch();
      onProgress(total > 0 ? loaded / total : 0);
    });
    request.upload.onload = onSent;
    request.onload = () => {
      const { status, responseText: text } = request;
      answer({ ok: status >= 200 && status < 300, status, text });
    };
    request.onerror = request.onabort = () => {
      const reason = isStalled ? "timed_out" : navigator.onLine ? "unreachable" : "offline";
      refuse(signal.aborted ? signal.reason : new Problem(reason, { limitMs: STALL_TIMEOUT_MS }));
    };
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
    watch();
  }).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}

export async function upload(ticket, { file, name }, run) {
  const form = new FormData();
  for (const [field, value] of Object.entries(ticket.fields)) form.append(field, value);
  form.append("file", file, name); // S3 ignores every field after the file

  const answer = await postPhoto(ticket.url, form, { file, name }, run, () => "storage");
  if (!answer.ok) throw storageProblem(answer, file, ticket);
}

function storageProblem({ status, text }, file, ticket) {
  const xml = new DOMParser().parseFromString(text, "application/xml");
  const said = xml.querySelector("Error > Code")?.textContent ?? "";
  const sizes = { bytes: file.size, maxBytes: ticket.max_bytes };
  const facts = { step: "storage", status, said, ...sizes };
  if (said === "EntityTooLarge" || status === 413) return new Problem("too_large", facts);
  if (status === 403) return new Problem("upload_expired", facts);
  if (status >= 300 && status < 400) return new Problem("upload_redirected", facts);
  return new Problem(status >= 500 ? "storage_busy" : "upload_refused", facts);
}
