/** Making a photo smaller before it is sent, when that saves bytes. */

import { fit, make } from "./element.js";

const LONG_SIDE_PX = 1024; // the models read a few hundred pixels
const QUALITY = 0.9;

/** The opened photo, `{file, type}`, as a JPEG of LONG_SIDE_PX; as it is where that saves nothing. */
export async function shrunk(opened) {
  const file = await asJpeg(opened.file);
  return file && file.size < opened.file.size ? { file, type: file.type } : opened;
}

/** Any picture that the browser can read, as a small JPEG; null where it cannot. */
export async function asJpeg(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  const canvas = make("canvas");
  fit(canvas, bitmap.width, bitmap.height, LONG_SIDE_PX);
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind what is transparent, as the service does
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
}
