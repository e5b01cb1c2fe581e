/** One photo of the history, as it is seen. */

import { make, makeButton } from "./element.js";
import { percent } from "./result.js";
import { drawThumbnail } from "./thumbnail.js";

const WORDS = { waiting: "Not sent", sending: "Sending…", failed: "Not classified" };

/** The item of a photo, which updateItem fills. */
export function makeItem(photo, onPress) {
  const picture = make("canvas");
  picture.ariaHidden = "true";
  drawThumbnail(picture, photo.url);
  const lines = ["history-said", "history-figures"].map((name) => make("span", name));
  const name = make("span", "history-name", photo.name);
  return make("li", "", makeButton(onPress, picture, name, ...lines));
}

/** Show what became of an entry's photo, and whether it is the one in the frame. */
export function updateItem({ item, photo, state, outcome, isCurrent }) {
  const [said, figures] = state === "answered" ? linesOf(outcome.answer) : [WORDS[state], ""];
  const [button] = item.children;
  button.dataset.state = state;
  button.title = [`${photo.name}: ${said}`, figures].filter(Boolean).join(", ");
  button.querySelector(".history-said").textContent = said;
  button.querySelector(".history-figures").textContent = figures;
  button.ariaCurrent = isCurrent ? "true" : null;
}

function linesOf({ classes: [first], coldStart, isUnsure }) {
  const figures = [isUnsure ? `nearest ${first.label}` : "", percent(first.share)];
  if (coldStart !== null) figures.push(coldStart ? "cold" : "warm");
  return [isUnsure ? "Not sure" : first.label, figures.filter(Boolean).join(" · ")];
}
