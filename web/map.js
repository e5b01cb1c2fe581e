// The map over the photo: the parts that support the answer.

import { repeat } from "./api.js";
import { at, fit, make, say } from "./element.js";
import { keyOf } from "./model.js";
import { sayWhy } from "./problems.js";

const LONG_SIDE_PX = 640;
const DARK = [16, 10, 40];
const DARKEST = 0.8; // where nothing supports the class

const button = at("why");
const picture = at("photo");
const canvas = at("map");
let outcome = null;
let asking = new AbortController();

// Offer the map for the outcome of the photo in the frame, or null.
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
  say("map-said", words);
}

async function show() {
  const shown = outcome;
  asking = new AbortController();
  const { signal } = asking;
  try {
    button.disabled = true;
    shown.explained ??= await ask(shown, signal);
    await picture.decode().catch(() => {
      throw new Error("The browser cannot show this photo. Choose it again as a JPEG.");
    });
    if (signal.aborted) return;
    draw(shown.explained.map);
  } catch (error) {
    if (!signal.aborted) hide(sayWhy(error));
    return;
  }
  const [{ label }] = shown.explained.classes;
  const place = placeOf(shown.explained.map);
  say("map-said", `Bright areas support “${label}”, most at the ${place}.`);
  canvas.hidden = false;
  button.disabled = false;
  button.textContent = "Hide the map";
}

async function ask(shown, signal) {
  say("map-said", "Asking for the map…");
  const answer = await repeat(shown, { signal, explain: true });
  if (keyOf(answer) !== keyOf(shown.answer)) {
    throw new Error("Another model is served now: send the photo again.");
  }
  if (answer.map) return answer;
  shown.answer.explains = false;
  throw new Error("This model gives no map.");
}

// The canvas has the photo's shape, and lies over it.
function draw({ rows, columns, values, area }) {
  fit(canvas, picture.naturalWidth, picture.naturalHeight, LONG_SIDE_PX);
  const { width, height } = canvas;
  const cells = make("canvas");
  cells.width = columns;
  cells.height = rows;
  const pixels = new ImageData(columns, rows);
  for (const [index, value] of values.entries()) {
    pixels.data.set([...DARK, 255 * DARKEST * (1 - value)], 4 * index);
  }
  cells.getContext("2d").putImageData(pixels, 0, 0);
  const seen = [area.left * width, area.top * height, area.width * width, area.height * height];
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${DARK.join(" ")} / ${DARKEST})`;
  context.fillRect(0, 0, width, height);
  context.clearRect(...seen);
  context.drawImage(cells, ...seen);
}

function placeOf({ rows, columns, values, area }) {
  const most = values.indexOf(Math.max(...values));
  const third = (share) => Math.min(2, Math.floor(3 * share));
  const x = third(area.left + (area.width * ((most % columns) + 0.5)) / columns);
  const y = third(area.top + (area.height * (Math.floor(most / columns) + 0.5)) / rows);
  return ["top ", "", "bottom "][y] + ["left", "centre", "right"][x];
}

button.onclick = () => (canvas.hidden ? show() : hide());
