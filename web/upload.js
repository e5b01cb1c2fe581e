/** The upload of a photo to S3, with the permission that the service gave for it. */

import { postPhoto } from "./post.js";
import { Problem } from "./problems.js";

/**
 * Upload a photo.
 *
 * @param {object} ticket the answer of the call "uploads".
 * @param {{file: Blob, name: string}} photo the photo.
 * @param {object} run `signal` and `onProgress`, as of postPhoto.
 * @throws {Problem} when it is not stored.
 */
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
