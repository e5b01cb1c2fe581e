import { Problem, size } from "./problems.js";
import { asJpeg } from "./shrink.js";

const HEIC_BRANDS = /hei[cmsx]|hevc|mif1|msf1/;
const AVIF_BRANDS = /avi[fs]/;
const HEAD_BYTES = 64;

// The first bytes decide, as in the service; a picture of another type is made a JPEG.
async function photoFromFile(file) {
  const { name } = file;
  const head = await readHead(file);
  if (file.size === 0) throw new Problem("empty_file", { name });
  const type = contentType(head);
  if (type) return photoOf(file, name, type, size(file.size));
  const jpeg = await asJpeg(file);
  if (!jpeg) throw new Problem(otherKind(file, head), { name });
  return { ...photoOf(jpeg, name, jpeg.type, "converted to JPEG"), isConverted: true };
}

function photoOf(file, name, type, note) {
  return {
    name,
    caption: `${name} · ${note}`,
    url: URL.createObjectURL(file),
    open: async () => ({ file, type }),
  };
}

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

export function release({ url }) {
  if (url.startsWith("blob:")) URL.revokeObjectURL(url);
}

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

// It may have been moved since it was chosen.
export function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}

async function fetchSample(path, signal) {
  const response = await fetch(path, { signal }).catch(() => null);
  if (response?.ok) return response.blob();
  throw new Problem("sample_missing");
}

async function readHead(file) {
  try {
    return String.fromCharCode(...new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  } catch {
    throw new Problem("unreadable_file", { name: file.name });
  }
}

function contentType(head) {
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.startsWith("GIF8")) return "image/gif";
  return head.startsWith("RIFF") && head.slice(8, 12) === "WEBP" ? "image/webp" : null;
}

function otherKind({ name, type }, head) {
  const brands = head.slice(4, 8) === "ftyp" ? head.slice(8) : "";
  if (AVIF_BRANDS.test(brands) || /avif$/i.test(type || name)) return "avif";
  if (HEIC_BRANDS.test(brands) || /\.hei[cf]$/i.test(name)) return "heic";
  return "not_a_photo";
}
