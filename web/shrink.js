/** Making a photo smaller before it is sent, when that saves bytes. */

export const LONG_SIDE_PX = 1024; // the models read a few hundred pixels
const QUALITY = 0.9;

/**
 * The photo as a JPEG whose longer side has at most LONG_SIDE_PX.
 *
 * @param {{file: Blob, type: string}} opened as `photo.open` gives it.
 * @returns {Promise<{file: Blob, type: string}>} the same object when nothing is gained, or when
 *   the browser cannot read the picture: the service then says what is wrong with it.
 */
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
  const scale = Math.min(1, LONG_SIDE_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind what is transparent, as the service does
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
}
