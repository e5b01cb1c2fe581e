/** Whether the service keeps the photo in the frame, and a button that deletes it there. */

import { at } from "./element.js";
import { CALL_TIMEOUT_MS, keyHeader } from "./key.js";

const DELETING = "Deleting…";
const uploads = new Map(); // by photo: its uploads that are stored, one for each time
const words = new WeakMap(); // by photo
let current = null;
let stored = "The service has stored this photo.";

/** Take from the configuration how long photos are kept, such as "for 30 days". */
export function configure(configuration) {
  const howLong = configuration?.photos_kept;
  if (howLong) stored = `The service keeps this photo ${howLong}.`;
}

/** Note that a photo was uploaded; its ticket has the token that deletes it. */
export function noteStored(photo, { file_path: path, delete_token: token }) {
  uploads.set(photo, [...(uploads.get(photo) ?? []), { path, token }]);
  note(photo, stored);
}

/** Note that a photo was answered in one call, which stores nothing. */
export function noteInCall(photo) {
  if (!uploads.has(photo)) note(photo, "The service has not stored this photo.");
}

/** Show both for the photo that is in the frame now. */
export function showOf(photo) {
  current = photo;
  at("kept").textContent = words.get(photo) ?? "";
  at("delete").hidden = !uploads.has(photo);
  at("delete").disabled = words.get(photo) === DELETING;
}

function note(photo, said) {
  words.set(photo, said);
  showOf(current);
}

/** Delete all uploads of the photo in the frame; those that fail stay for another try. */
async function deleteCurrent() {
  const photo = current;
  const wanted = uploads.get(photo);
  note(photo, DELETING);
  const areDeleted = await Promise.all(wanted.map(isDeleted));
  const left = uploads.get(photo).filter((each) => !areDeleted[wanted.indexOf(each)]);
  if (left.length > 0) uploads.set(photo, left);
  else uploads.delete(photo);
  if (!areDeleted.every(Boolean)) note(photo, "The photo could not be deleted now: try again.");
  else note(photo, left.length > 0 ? stored : "The service has deleted this photo.");
}

async function isDeleted({ path, token }) {
  try {
    const response = await fetch(`uploads?file_path=${encodeURIComponent(path)}`, {
      method: "DELETE",
      headers: { "X-Delete-Token": token, ...keyHeader() },
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return response.ok;
  } catch {
    return false;
  }
}

at("delete").addEventListener("click", deleteCurrent);
