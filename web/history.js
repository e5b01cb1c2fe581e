import { at, fit, make, say } from "./element.js";
import { duration, percent } from "./result.js";

const MOST = 200;
const THUMBNAIL_PX = 96;
const WORDS = { waiting: "Not sent", sending: "Sending…", failed: "Not classified. " };
const COLUMNS =
  "file,state,label,id,softmax,recognized,cold_start,total_ms,function_ms,model,version";

const list = at("history");
const entries = []; // newest first, as their rows
let choose = () => {};
let drawn = Promise.resolve(); // one at a time: each takes a whole photo

export const listen = (onChoice) => (choose = onChoice);

// Put photos on the list; returns those that fell off its end.
export function add(photos) {
  for (const photo of photos) {
    const entry = { photo, state: "waiting", outcome: null };
    const picture = make("canvas");
    picture.ariaHidden = "true";
    drawn = drawn.then(() => draw(picture, photo)).catch(() => picture.classList.add("is-broken"));
    const name = make("th", "", make("button", "", picture, make("span", "", photo.name)));
    name.scope = "row";
    entry.row = make("tr", "", name, make("td"), make("td"), make("td"));
    entry.row.onclick = () => choose(entry); // the button is for the keyboard
    entries.unshift(entry);
    list.prepend(entry.row);
    change(entry, {});
  }
  const dropped = entries.splice(MOST);
  for (const { row } of dropped) row.remove();
  list.parentElement.hidden = at("csv").disabled = false;
  if (dropped.length > 0) say("history-said", `The list keeps the newest ${MOST} photos.`);
  return dropped.map(({ photo }) => photo);
}

const find = (photo) => entries.find((entry) => entry.photo === photo);

export const has = (photo) => Boolean(find(photo));

export const answerOf = (photo) => find(photo)?.outcome ?? null;

export const noteSending = (photo) => change(find(photo), { state: "sending" });

export const noteAnswer = (photo, outcome) => change(find(photo), { state: "answered", outcome });

export function noteFailure(photo, why) {
  change(find(photo), { state: answerOf(photo) ? "answered" : "failed", why });
}

export function waiting() {
  const entriesWaiting = entries.filter(({ state }) => state === "waiting");
  return entriesWaiting.map(({ photo }) => photo).reverse();
}

// Sending was stopped.
export function giveUp() {
  for (const entry of entries.filter(({ state }) => state === "sending")) {
    change(entry, { state: entry.outcome ? "answered" : "waiting" });
  }
}

export function showCurrent(current) {
  for (const entry of entries) change(entry, { isCurrent: entry.photo === current });
}

// In place, so that a press on the row or the focus is not lost.
function change(entry, changes) {
  if (!entry) return; // it fell off the list
  Object.assign(entry, changes);
  const { row, state, outcome } = entry;
  const texts = state === "answered" ? cellsOf(outcome) : [stateOf(entry), "", ""];
  for (const [index, text] of texts.entries()) {
    const cell = row.cells[index + 1];
    if (cell.textContent !== text) cell.textContent = text;
  }
  row.dataset.state = state;
  row.ariaCurrent = entry.isCurrent ? "true" : null;
}

function stateOf({ state, why }) {
  return (WORDS[state] ?? "") + (state === "failed" ? why : "");
}

function cellsOf({ answer: { classes: [first], coldStart, isUnsure }, browserMs }) {
  const said = `${isUnsure ? "Not sure; closest: " : ""}${first.label}, ${percent(first.share)}`;
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
  return [COLUMNS, ...rows.map((row) => row.map(field).join(","))].join("\r\n");
}

// A text that a spreadsheet would run as a formula gets an apostrophe.
function field(value) {
  const text = String(value ?? "");
  const isFormula = typeof value === "string" && /^[\s"']*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text);
  return `"${isFormula ? "'" : ""}${text.replaceAll('"', '""')}"`;
}

at("csv").onclick = () => {
  const link = make("a");
  // With the mark by which spreadsheets know UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", csv(), "\r\n"], { type: "text/csv" }));
  link.download = "warmlens.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};
