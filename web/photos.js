/** From what a person chose, dropped or pasted to a photo that may be sent. */

import { Problem, size } from "./problems.js";
import { asJpeg } from "./shrink.js";

const HEIC_BRANDS = /hei[cmsx]|hevc|mif1|msf1/;
const AVIF_BRANDS = /avi[fs]/;
const HEAD_BYTES = 64;

/**
 * A photo from a person's file. Its first bytes decide what it is, as in the service; a picture of
 * another type is made a JPEG, where the browser can read it.
 */
async function photoFromFile(file) {
  const head = await readHead(file);
  if (file.size === 0) throw new Problem("empty_file", { name: file.name });
  const type = contentType(head);
  if (type) return photoOf(file, file.name, type, size(file.size));
  const jpeg = await asJpeg(file);
  if (!jpeg) throw new Problem(otherKind(file, head), { name: file.name });
  return { ...photoOf(jpeg, file.name, jpeg.type, "converted to JPEG"), isConverted: true };
}

function photoOf(file, name, type, note) {
  return {
    name,
    caption: `${name} · ${note}`,
    url: URL.createObjectURL(file),
    open: async () => ({ file, type }),
  };
}

/** A photo that lies beside the page; it is fetched when it is sent. */
export function photoFromSample(path) {
  const name = path.split("/").at(-1);
  return {
    name,
    caption: `${name} · sample`,
    url: path,
    source: new URL(path, document.baseURI).href,
    open: async (signal) => ({ file: await fetchSample(path, signal), type: "image/jpeg" }),
  };
}

/** Free the memory behind a photo that is shown nowhere any more. */
export function release(photo) {
  if (photo.url.startsWith("blob:")) URL.revokeObjectURL(photo.url);
}

/** The photos among files, in their order, and a Problem for each other file. */
export async function photosFromFiles(files) {
  const photos = [];
  const refused = [];
  for (const file of files) {
    try {
      photos.push(await photoFromFile(file));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      refused.push(error);
    }
  }
  return { photos, refused };
}

/** Return whether a file can still be read: it may have been moved since it was chosen. */
export async function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(
    () => true,
    () => false,
  );
}

async function fetchSample(path, signal) {
  let response;
  try {
    response = await fetch(path, { signal });
  } catch {
    throw new Problem("sample_missing");
  }
  if (!response.ok) throw new Problem("sample_missing");
  return response.blob();
}

async function readHead(file) {
  try {
    return new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  } catch {
    throw new Problem("unreadable_file", { name: file.name });
  }
}

/** The content type of a photo that the service reads, or null. */
function contentType(head) {
  const text = String.fromCharCode(...head);
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("GIF8")) return "image/gif";
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "image/webp";
  return null;
}

/** The reason why a file of another type is refused. */
function otherKind(file, head) {
  const text = String.fromCharCode(...head);
  const brands = text.slice(4, 8) === "ftyp" ? text.slice(8) : "";
  if (AVIF_BRANDS.test(brands) || /avif$/i.test(file.type || file.name)) return "avif";
  if (HEIC_BRANDS.test(brands) || /\.hei[cf]$/i.test(file.name)) return "heic";
  return "not_a_photo";
}
