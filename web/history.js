/** The photos that were chosen, newest first, each with what became of it. */

import { percent } from "./result.js";

const MOST = 24;

const at = (id) => document.getElementById(id);
const entries = []; // newest first

/** Put photos on the list, not sent yet; returns those that fell off its end. */
export function add(photos) {
  for (const photo of photos) entries.unshift({ photo, state: "waiting", outcome: null });
  return entries.splice(MOST).map(({ photo }) => photo);
}

/** Tell whether a photo is on the list. */
export function has(photo) {
  return entries.some((entry) => entry.photo === photo);
}

/** Note that a photo is being sent. */
export function noteSending(photo) {
  note(photo, () => ({ state: "sending" }));
}

/** Note a photo's answer. */
export function noteAnswer(photo, outcome) {
  note(photo, () => ({ state: "answered", outcome }));
}

/** Note that a photo was not classified; an answer from before is kept. */
export function noteFailure(photo) {
  note(photo, ({ outcome }) => ({ state: outcome ? "answered" : "failed" }));
}

/** What was being sent, and now no longer is, is as it was before. */
export function giveUp() {
  for (const entry of entries.filter(({ state }) => state === "sending")) {
    entry.state = entry.outcome ? "answered" : "waiting";
  }
}

/** A photo's answer, or null. */
export function answerOf(photo) {
  return entries.find((entry) => entry.photo === photo)?.outcome ?? null;
}

function note(photo, changes) {
  const entry = entries.find((each) => each.photo === photo);
  if (entry) Object.assign(entry, changes(entry));
}

/**
 * Show the list.
 *
 * @param {object} shown the photo in the frame.
 * @param {(entry: {photo: object, state: string, outcome: object?}) => void} onChoice called with
 *   a pressed one.
 */
export function show(shown, onChoice) {
  const hadFocus = entries.findIndex((_, index) => buttonAt(index) === document.activeElement);
  const focused = hadFocus < 0 ? null : document.activeElement.dataset.number;
  at("history-empty").hidden = entries.length > 0;
  at("history").replaceChildren(...entries.map((entry) => item(entry, shown, onChoice)));
  if (focused) at("history").querySelector(`[data-number="${focused}"]`)?.focus();
}

function buttonAt(index) {
  return at("history").children[index]?.firstElementChild;
}

let numbers = 0;
const numberOf = new WeakMap();

function item(entry, shown, onChoice) {
  const { photo } = entry;
  if (!numberOf.has(photo)) numberOf.set(photo, (numbers += 1));
  const picture = new Image(96, 72);
  picture.src = photo.url;
  picture.alt = "";
  picture.draggable = false;
  picture.addEventListener("error", () => picture.classList.add("is-broken"));
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.number = numberOf.get(photo);
  button.dataset.state = entry.state;
  if (photo === shown) button.setAttribute("aria-current", "true");
  button.title = photo.name;
  button.append(picture, words("history-name", photo.name), words("history-said", said(entry)));
  button.addEventListener("click", () => onChoice(entry));
  const element = document.createElement("li");
  element.append(button);
  return element;
}

function said({ state, outcome }) {
  if (state === "answered") {
    const { classes, coldStart } = outcome.answer;
    const temperature = coldStart === null ? "" : coldStart ? " · cold" : " · warm";
    return `${classes[0].label}, ${percent(classes[0].share)}${temperature}`;
  }
  return { waiting: "Not sent", sending: "Sending…", failed: "Not classified" }[state];
}

function words(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
