export const at = (id) => document.getElementById(id);

export const say = (id, words) => (at(id).textContent = words);

// A new element; text in it is never read as markup.
export function make(tag, className = "", ...content) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...content);
  return element;
}

// Give a canvas a picture's shape.
export function fit(canvas, width, height, longSide) {
  const scale = Math.min(1, longSide / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
}
