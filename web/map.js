/** The map over the photo in the frame: the parts that speak for the answer. */

import { repeat } from "./api.js";
import { at, fit, make } from "./element.js";
import { keyOf } from "./model.js";
import { explain as wordsFor, Problem } from "./problems.js";

const LONG_SIDE_PX = 640;
const DARK = [16, 10, 40];
const DARKEST = 0.8; // where nothing speaks for the class, and what the model has not seen

const button = at("why");
const picture = at("photo");
const canvas = at("map");
let outcome = null; // of recognise, for the photo in the frame
let asking = new AbortController();

/** Offer the map for the outcome of the photo in the frame; null while it has none. */
export function offerMap(of) {
  asking.abort();
  outcome = of;
  hide();
}

function hide(words = "") {
  canvas.hidden = true;
  button.disabled = false;
  button.textContent = "Why this class?";
  button.hidden = !outcome?.answer.explains;
  at("map-said").textContent = words;
}

async function show() {
  const shown = outcome;
  asking = new AbortController();
  const { signal } = asking;
  try {
    button.disabled = true;
    shown.explained ??= await ask(shown, signal);
    await picture.decode().catch(() => {
      throw new Error("The browser cannot show this photo.");
    });
    if (signal.aborted) return;
    draw(shown.explained.map);
  } catch (error) {
    if (!signal.aborted) hide(said(error));
    return;
  }
  const words = `Bright: what speaks for “${shown.explained.classes[0].label}”, `;
  at("map-said").textContent = `${words}most at the ${placeOf(shown.explained.map)}.`;
  canvas.hidden = false;
  button.disabled = false;
  button.textContent = "Hide the map";
}

/** The answer with its map. */
async function ask(shown, signal) {
  at("map-said").textContent = "Asking for the map…";
  const answer = await repeat(shown, { signal, explain: true });
  if (keyOf(answer) !== keyOf(shown.answer)) {
    throw new Error("Another model is served now: send the photo again.");
  }
  if (answer.map) return answer;
  shown.answer.explains = false;
  throw new Error("This model gives no map.");
}

function said(error) {
  if (!(error instanceof Problem)) return error.message;
  const { title, advice } = wordsFor(error);
  return `${title} ${advice}`;
}

/** The canvas has the photo's shape, and lies over it as the photo lies in the frame. */
function draw({ rows, columns, values, area }) {
  fit(canvas, picture.naturalWidth, picture.naturalHeight, LONG_SIDE_PX);
  const cells = make("canvas");
  cells.width = columns;
  cells.height = rows;
  const pixels = new ImageData(columns, rows);
  for (const [index, value] of values.entries()) {
    pixels.data.set([...DARK, 255 * DARKEST * (1 - value)], 4 * index);
  }
  cells.getContext("2d").putImageData(pixels, 0, 0);
  const seen = [
    area.left * canvas.width,
    area.top * canvas.height,
    area.width * canvas.width,
    area.height * canvas.height,
  ];
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${DARK.join(" ")} / ${DARKEST})`;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.clearRect(...seen);
  context.drawImage(cells, ...seen);
}

/** Where on the photo the map has its largest value, such as "top left". */
function placeOf({ rows, columns, values, area }) {
  const most = values.indexOf(Math.max(...values));
  const third = (share) => Math.min(2, Math.floor(3 * share));
  const x = third(area.left + (area.width * ((most % columns) + 0.5)) / columns);
  const y = third(area.top + (area.height * (Math.floor(most / columns) + 0.5)) / rows);
  return ["top ", "", "bottom "][y] + ["left", "centre", "right"][x];
}

button.addEventListener("click", () => (canvas.hidden ? show() : hide()));
