/** The photos that were chosen, newest first, each with what became of it. */

import { at } from "./element.js";
import { makeItem, updateItem } from "./history-item.js";

const MOST = 24;

const list = at("history");
const entries = []; // newest first, as their items in the list
let choose = () => {};

/**
 * Say what is done with an entry that is pressed.
 *
 * @param {(entry: {photo: object, state: string, outcome: object?}) => void} onChoice called with
 *   it; `state` is "waiting", "sending", "answered" or "failed".
 */
export function listen(onChoice) {
  choose = onChoice;
}

/** Put photos on the list, not sent yet; returns those that fell off its end. */
export function add(photos) {
  for (const photo of photos) {
    const entry = { photo, state: "waiting", outcome: null };
    entry.item = makeItem(photo, () => choose(entry));
    entries.unshift(entry);
    list.prepend(entry.item);
    updateItem(entry);
  }
  at("history-empty").hidden = entries.length > 0;
  const dropped = entries.splice(MOST);
  dropped.forEach(({ item }) => item.remove());
  return dropped.map(({ photo }) => photo);
}

/** Whether a photo is on the list. */
export function has(photo) {
  return entries.some((entry) => entry.photo === photo);
}

/** A photo's answer, or null. */
export function answerOf(photo) {
  return find(photo)?.outcome ?? null;
}

/** Note that a photo is being sent. */
export function noteSending(photo) {
  change(find(photo), { state: "sending" });
}

/** Note a photo's answer. */
export function noteAnswer(photo, outcome) {
  change(find(photo), { state: "answered", outcome });
}

/** Note that a photo was not classified; an answer from before is kept. */
export function noteFailure(photo) {
  change(find(photo), { state: answerOf(photo) ? "answered" : "failed" });
}

/** The photos that were not sent, in the order in which they were chosen. */
export function waiting() {
  const entriesWaiting = entries.filter(({ state }) => state === "waiting");
  return entriesWaiting.map(({ photo }) => photo).reverse();
}

/** What was being sent, and now no longer is, is as it was before. */
export function giveUp() {
  for (const entry of entries.filter(({ state }) => state === "sending")) {
    change(entry, { state: entry.outcome ? "answered" : "waiting" });
  }
}

/** Mark the photo that is in the frame. */
export function showCurrent(current) {
  for (const entry of entries) change(entry, { isCurrent: entry.photo === current });
}

function find(photo) {
  return entries.find((entry) => entry.photo === photo);
}

/** An item is changed where it stands: a press or the focus on it is not lost. */
function change(entry, changes) {
  if (!entry) return; // it fell off the list
  Object.assign(entry, changes);
  updateItem(entry);
}
