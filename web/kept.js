// Whether the service keeps the photo in the frame, and its deletion.

import { call } from "./call.js";
import { at, say } from "./element.js";
import { sayWhy } from "./problems.js";

const DELETING = "Deleting…";
const uploads = new Map(); // by photo, one for each time
const words = new WeakMap(); // by photo
let current = null;
let stored = "The service has stored this photo.";

export function configure(config) {
  const howLong = config?.photos_kept;
  if (howLong) stored = `The service keeps this photo ${howLong}.`;
}

export function noteStored(photo, { file_path: path, delete_token: token }) {
  uploads.set(photo, [...(uploads.get(photo) ?? []), { path, token }]);
  note(photo, stored);
}

export function noteInCall(photo) {
  if (!uploads.has(photo)) note(photo, "The service has not stored this photo.");
}

export function showOf(photo) {
  current = photo;
  say("kept", words.get(photo) ?? "");
  at("delete").hidden = !uploads.has(photo);
  at("delete").disabled = words.get(photo) === DELETING;
}

function note(photo, said) {
  words.set(photo, said);
  showOf(current);
}

// Uploads that are not deleted stay for another try.
at("delete").onclick = async () => {
  const photo = current;
  const wanted = uploads.get(photo);
  note(photo, DELETING);
  const failures = await Promise.all(wanted.map(failureOfDeleting));
  const left = uploads.get(photo).filter((each) => failures[wanted.indexOf(each)] !== null);
  if (left.length > 0) uploads.set(photo, left);
  else uploads.delete(photo);
  const failure = failures.find(Boolean);
  if (failure) note(photo, `The photo was not deleted. ${sayWhy(failure)}`);
  else note(photo, left.length > 0 ? stored : "The service has deleted this photo.");
};

function failureOfDeleting({ path, token }) {
  const headers = { "X-Delete-Token": token };
  const options = { method: "DELETE", headers, step: "deletion", facts: { path } };
  return call(`uploads?file_path=${encodeURIComponent(path)}`, options).then(() => null, (error) => error);
}
