/** Elements of the page: those that are there, and new ones. */

/** The element with an id. */
export const at = (id) => document.getElementById(id);

/** A new element; text in it is never read as markup. */
export function make(tag, className = "", ...content) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...content);
  return element;
}

/** Give a canvas a picture's shape, at most `longSide` pixels long. */
export function fit(canvas, width, height, longSide) {
  const scale = Math.min(1, longSide / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
}

/** A new button. */
export function makeButton(onPress, ...content) {
  const button = make("button", "", ...content);
  button.type = "button";
  button.addEventListener("click", onPress);
  return button;
}
