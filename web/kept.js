/** Whether the service keeps the photo in the frame, and a button that deletes it there. */

import { at } from "./element.js";
import { keyHeader } from "./key.js";

const TIMEOUT_MS = 35_000; // API Gateway itself gives up after 29 s

const line = at("kept");
const button = at("delete");
const uploads = new WeakMap(); // by photo: its uploads that are stored, one for each time
const states = new WeakMap(); // by photo: "in call", "deleting", "deleted" or "failed"
let current = null;
let howLong = null;

/** Take from the service's configuration how long it keeps photos, such as "for 30 days". */
export function suit(configuration) {
  const said = configuration?.photos_kept;
  howLong = typeof said === "string" ? said : null;
  show();
}

/** Note that a photo was uploaded; its ticket has the token that deletes it. */
export function noteStored(photo, { file_path: path, delete_token: token }) {
  uploads.set(photo, [...(uploads.get(photo) ?? []), { path, token }]);
  states.delete(photo);
  show();
}

/** Note that a photo was answered in the call, where nothing of it is stored. */
export function noteInCall(photo) {
  if (!uploads.has(photo)) states.set(photo, "in call");
  show();
}

/** Show it for another photo. */
export function showOf(photo) {
  current = photo;
  show();
}

function show() {
  const state = states.get(current);
  const isStored = uploads.has(current);
  line.textContent = isStored || state ? said(state) : "";
  button.hidden = !isStored;
  button.disabled = state === "deleting";
}

function said(state) {
  if (state === "in call") return "The service has not stored this photo.";
  if (state === "deleting") return "Deleting…";
  if (state === "deleted") return "The service has deleted this photo.";
  if (state === "failed") return "The photo could not be deleted now: try again.";
  return howLong ? `The service keeps this photo ${howLong}.` : "The service has stored this photo.";
}

/** Delete all uploads of the photo in the frame; those that fail stay for another try. */
async function deleteCurrent() {
  const photo = current;
  states.set(photo, "deleting");
  show();
  let hasFailed = false;
  for (const upload of uploads.get(photo)) {
    if (await isDeleted(upload)) forget(photo, upload);
    else hasFailed = true;
  }
  if (hasFailed) states.set(photo, "failed");
  else if (uploads.has(photo)) states.delete(photo); // it was uploaded again meanwhile
  else states.set(photo, "deleted");
  show();
}

function forget(photo, upload) {
  const rest = uploads.get(photo).filter((each) => each !== upload);
  if (rest.length > 0) uploads.set(photo, rest);
  else uploads.delete(photo);
}

async function isDeleted({ path, token }) {
  try {
    const response = await fetch(`uploads?file_path=${encodeURIComponent(path)}`, {
      method: "DELETE",
      headers: { "X-Delete-Token": token, ...keyHeader() },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok;
  } catch {
    return false;
  }
}

button.addEventListener("click", deleteCurrent);
