/** The chosen photos, newest first, with their answers, as a table and as CSV. */

import { at, fit, make, makeButton } from "./element.js";
import { duration, percent } from "./result.js";

const MOST = 200;
const THUMBNAIL_PX = 96;
const WORDS = { waiting: "Not sent", sending: "Sending…", failed: "Not classified. " };
const COLUMNS =
  "file,state,label,id,softmax,recognized,cold_start,total_ms,function_ms,model,version";

const list = at("history");
const entries = []; // newest first, as their rows
let choose = () => {};
let drawn = Promise.resolve(); // one thumbnail at a time: each takes a whole photo

/** Set what a press on an entry, `{photo, state, outcome}`, does. */
export const listen = (onChoice) => (choose = onChoice);

/** Put photos on the list, not sent yet; returns those that fell off its end. */
export function add(photos) {
  for (const photo of photos) {
    const entry = { photo, state: "waiting", outcome: null };
    const picture = make("canvas");
    picture.ariaHidden = "true";
    drawn = drawn.then(() => draw(picture, photo)).catch(() => picture.classList.add("is-broken"));
    const name = make("th", "", makeButton(null, picture, make("span", "", photo.name)));
    name.scope = "row";
    entry.row = make("tr", "", name, ...["td", "td", "td"].map((tag) => make(tag)));
    entry.row.addEventListener("click", () => choose(entry)); // the button is for the keyboard
    entries.unshift(entry);
    list.prepend(entry.row);
    change(entry, {});
  }
  const dropped = entries.splice(MOST);
  for (const { row } of dropped) row.remove();
  list.parentElement.hidden = at("csv").disabled = false;
  if (dropped.length > 0) at("history-said").textContent = `The newest ${MOST} photos stay here.`;
  return dropped.map(({ photo }) => photo);
}

/** Whether a photo is on the list. */
export function has(photo) {
  return Boolean(find(photo));
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

/** Note why a photo was not classified; an answer from before is kept. */
export function noteFailure(photo, why) {
  change(find(photo), { state: answerOf(photo) ? "answered" : "failed", why });
}

/** The photos that were not sent, in the order in which they were chosen. */
export function waiting() {
  const entriesWaiting = entries.filter(({ state }) => state === "waiting");
  return entriesWaiting.map(({ photo }) => photo).reverse();
}

/** Give photos that are being sent their earlier state: sending was stopped. */
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

/** Change an entry and its row in place, so that a press or the focus on it is not lost. */
function change(entry, changes) {
  if (!entry) return; // it fell off the list
  Object.assign(entry, changes);
  const { row, state, outcome } = entry;
  const texts = state === "answered" ? cellsOf(outcome) : [stateOf(entry), "", ""];
  for (const [index, text] of texts.entries()) {
    if (row.cells[index + 1].textContent !== text) row.cells[index + 1].textContent = text;
  }
  row.dataset.state = state;
  row.ariaCurrent = entry.isCurrent ? "true" : null;
}

function stateOf({ state, why }) {
  return (WORDS[state] ?? "") + (state === "failed" ? why : "");
}

function cellsOf({ answer: { classes: [first], coldStart, isUnsure }, browserMs }) {
  const said = `${isUnsure ? "Not sure; nearest: " : ""}${first.label}, ${percent(first.share)}`;
  return [said, coldStart === null ? "–" : coldStart ? "cold" : "warm", duration(browserMs.total)];
}

async function draw(canvas, { url }) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  fit(canvas, picture.naturalWidth, picture.naturalHeight, THUMBNAIL_PX);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
}

function csv() {
  const rows = entries.map((entry) => {
    const { answer, browserMs } = entry.outcome ?? {};
    const [first] = answer?.classes ?? [];
    const about = [entry.photo.name, stateOf(entry), first?.label, first?.id, first?.share];
    const found = [answer && !answer.isUnsure, answer?.coldStart, browserMs?.total];
    return [...about, ...found, answer?.functionMs, answer?.name, answer?.version];
  });
  return [COLUMNS, ...rows.map((row) => row.map(cell).join(","))].join("\r\n");
}

/** A text that a spreadsheet would run as a formula gets an apostrophe before it. */
function cell(value) {
  const text = String(value ?? "");
  const isFormula = typeof value === "string" && /^[\s"']*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text);
  return `"${isFormula ? "'" : ""}${text.replaceAll('"', '""')}"`;
}

at("csv").addEventListener("click", () => {
  const link = make("a");
  // With the mark by which spreadsheets know UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", csv(), "\r\n"], { type: "text/csv" }));
  link.download = "warmlens.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});
