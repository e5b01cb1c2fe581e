import { fit, make } from "./element.js";

const LONG_SIDE_PX = 1024; // the models read a few hundred pixels
const QUALITY = 0.9;

// An opened photo as a small JPEG; as it is where that saves nothing.
export async function shrunk(opened) {
  const file = await asJpeg(opened.file);
  return file && file.size < opened.file.size ? { file, type: file.type } : opened;
}

// Any picture as a small JPEG; null where the browser cannot read it.
export async function asJpeg(file) {
  const options = { imageOrientation: "from-image" };
  const bitmap = await createImageBitmap(file, options).catch(() => null);
  if (!bitmap) return null;
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
