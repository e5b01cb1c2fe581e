/** One photo of the history, as it is seen. */

import { percent } from "./result.js";
import { drawThumbnail } from "./thumbnail.js";

const WORDS = { waiting: "Not sent", sending: "Sending…", failed: "Not classified" };

/** The item of a photo, which updateItem fills. */
export function makeItem(photo, onPress) {
  const picture = document.createElement("canvas");
  picture.setAttribute("aria-hidden", "true");
  drawThumbnail(picture, photo.url);
  const button = document.createElement("button");
  button.type = "button";
  button.append(
    picture,
    line("history-name", photo.name),
    line("history-said", ""),
    line("history-figures", ""),
  );
  button.addEventListener("click", onPress);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

/** Show what became of an entry's photo, and whether it is the one in the frame. */
export function updateItem({ item, photo, state, outcome, isCurrent }) {
  const [said, figures] = state === "answered" ? told(outcome.answer) : [WORDS[state], ""];
  const [button] = item.children;
  button.dataset.state = state;
  button.title = [`${photo.name}: ${said}`, figures].filter(Boolean).join(", ");
  button.querySelector(".history-said").textContent = said;
  button.querySelector(".history-figures").textContent = figures;
  if (isCurrent) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
}

function told({ classes: [first], coldStart }) {
  const share = percent(first.share);
  return [first.label, coldStart === null ? share : `${share} · ${coldStart ? "cold" : "warm"}`];
}

function line(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
