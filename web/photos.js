/** From what a person chose, dropped or pasted to a photo that may be sent. */

import { Problem } from "./problems.js";

const TYPE_OF_EXTENSION = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  gif: "image/gif",
};
const ACCEPTED_TYPES = new Set(Object.values(TYPE_OF_EXTENSION));
const UNTYPED = new Set(["", "application/octet-stream"]);
const HEIC_BRANDS = new Set(["heic", "heix", "hevc", "heim", "heis", "mif1", "msf1"]);
const HEAD_BYTES = 12;

/**
 * A photo from a person's file.
 *
 * `open(signal)` gives the file to send, `type` is its content type, `url` shows it.
 * @throws {Problem} when the file is no photo that the service reads.
 */
async function photoFromFile(file) {
  const facts = { name: file.name };
  const head = await readHead(file);
  if (isHeic(file, head)) throw new Problem("heic", facts);
  const type = contentType(file);
  if (!type) throw new Problem("not_a_photo", facts);
  if (file.size === 0) throw new Problem("empty_file", facts);
  return {
    name: file.name,
    caption: `${file.name} · ${size(file.size)}`,
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
    open: async (signal) => ({ file: await fetchSample(path, signal), type: "image/jpeg" }),
  };
}

/** Free the memory behind a photo that is shown nowhere any more. */
export function release(photo) {
  if (photo.url.startsWith("blob:")) URL.revokeObjectURL(photo.url);
}

/**
 * The photos among chosen, dropped or pasted files, in their order.
 *
 * @returns {Promise<{photos: object[], refused: Problem?}>} `refused` is about the first file that
 *   is no photo, and says how many there are.
 */
export async function photosFromFiles(files) {
  const photos = [];
  const problems = [];
  for (const file of files) {
    try {
      photos.push(await photoFromFile(file));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problems.push(error);
    }
  }
  const [refused] = problems;
  if (refused && problems.length > 1) refused.facts.others = problems.length - 1;
  return { photos, refused };
}

/** Tell whether a file can still be read: it may have been moved since it was chosen. */
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

function isHeic(file, head) {
  if (/^image\/hei[cf]/.test(file.type) || /\.hei[cf]$/i.test(file.name)) return true;
  // Phones and apps hand out HEIC files under other names, .jpg among them.
  const text = String.fromCharCode(...head);
  return text.slice(4, 8) === "ftyp" && HEIC_BRANDS.has(text.slice(8, 12));
}

function contentType(file) {
  if (ACCEPTED_TYPES.has(file.type)) return file.type;
  // Some systems know no type for a file; then its name decides.
  if (UNTYPED.has(file.type)) {
    return TYPE_OF_EXTENSION[file.name.split(".").at(-1).toLowerCase()] ?? null;
  }
  return null;
}

/** Bytes for people. */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
