/** Small pictures of photos: a list of whole ones would keep many megapixels in memory. */

const LONG_SIDE_PX = 192;

let queue = Promise.resolve(); // one at a time, as each takes the whole photo for a moment

/** Draw the photo at an address into a canvas, small; the canvas is hidden if that fails. */
export function drawThumbnail(canvas, url) {
  queue = queue.then(() => draw(canvas, url)).catch(() => canvas.classList.add("is-broken"));
}

async function draw(canvas, url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const { naturalWidth: width, naturalHeight: height } = picture;
  const scale = Math.min(1, LONG_SIDE_PX / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}
