export class Problem extends Error {
  // `reason` is a key of WORDS, or an error code of the service; `facts` are for the words.
  constructor(reason, facts = {}) {
    super(reason);
    this.reason = reason;
    this.facts = facts;
  }
}

const CHOOSE_ANOTHER = "Choose a JPEG, PNG, WebP or GIF photo.";
const SAVE_AGAIN = "Open it in a photo app, save it again as JPEG and choose the new file.";
const KEPT = "Your photo is kept: ";
const LATER = KEPT + "try again in a moment.";
const SHRINK = "tick “Shrink before sending” and try again";
const MOVES_THE_PHOTO = ["sending", "storage"];

const WORDS = {
  __proto__: null,
  heic: ({ name }) => [
    `“${name}” is a HEIC photo, which neither browser nor service reads.`,
    "Export it as JPEG and choose that file. On an iPhone, choose Settings → Camera → Formats → Most Compatible.",
  ],
  avif: ({ name }) => [
    `“${name}” is an AVIF picture that this browser cannot read.`,
    "Export it as JPEG and choose that file.",
  ],
  not_a_photo: ({ name }) => [
    `“${name}” is not a photo of a kind that the service reads.`,
    CHOOSE_ANOTHER,
  ],
  empty_file: ({ name }) => [`“${name}” is empty.`, CHOOSE_ANOTHER],
  unreadable_file: ({ name }) => [
    `The browser cannot read “${name}”.`,
    "It may be a folder, or it was moved or changed. Choose the photo again.",
  ],
  nothing_dropped: [
    "There was no photo in what you dropped.",
    "Drop an image file. Save a picture of another page first, or copy and paste it.",
  ],
  nothing_pasted: [
    "The clipboard has no photo.",
    "Copy the picture itself, not its link, then paste it here.",
  ],
  nothing_shared: ["There was no photo in what was shared.", CHOOSE_ANOTHER],
  share_failed: [
    "The browser could not store the shared photo for this page.",
    "Allow the page to store data and free some space, then share it again; or choose the photo here.",
  ],
  no_clipboard: [
    "The browser does not let this page read the clipboard.",
    "Allow it when the browser asks, or choose the photo as a file.",
  ],
  sample_missing: [
    "The sample photo could not be loaded.",
    "Check your connection, or choose a photo of your own.",
  ],
  offline: ["You are offline.", KEPT + "connect to the internet and try again."],
  unreachable: ({ step }) => [
    step === "storage" ? "The upload did not get through." : "The service could not be reached.",
    KEPT + "check your connection and try again.",
  ],
  timed_out: ({ step, limitMs, mayShrink }) => {
    const limit = limitMs ? `for ${limitMs / 1000} seconds` : "in time";
    return MOVES_THE_PHOTO.includes(step)
      ? [
          `Sending the photo took too long: nothing moved ${limit}.`,
          `${KEPT}check your connection and try again${orShrink(mayShrink)}.`,
        ]
      : [`The service took too long: it has not answered ${limit}.`, LATER];
  },
  too_large: ({ bytes, max_image_bytes: most, maxBytes = most, mayShrink }) => [
    bytes > maxBytes
      ? `The photo is ${size(bytes)}; the service takes up to ${size(maxBytes)}.`
      : `The photo is ${size(bytes)}, more than the service takes.`,
    smaller(mayShrink),
  ],
  too_many_pixels: ({ mayShrink, max_image_pixels: most }) => [
    `The photo has more pixels than the service reads${most ? `: up to ${most / 1e6} megapixels, fewer in a progressive JPEG` : ""}.`,
    smaller(mayShrink),
  ],
  image_too_slow: ({ max_decode_ms: ms }) => [
    `The service could not read this photo ${ms ? `within ${ms / 1000} seconds` : "in time"}.`,
    SAVE_AGAIN,
  ],
  unsupported_coding: ["The photo is stored in a way that the service does not read.", SAVE_AGAIN],
  upload_expired: [
    "The permission to upload was refused or has expired.",
    KEPT + "try again, and the page asks for a new permission.",
  ],
  upload_redirected: [
    "The storage sent the upload to another address, so the photo was not stored.",
    KEPT + "try again tomorrow, or tell the person who runs the service.",
  ],
  upload_refused: ({ said }) => [
    `The storage did not accept the photo${said ? `: ${said}` : ""}.`,
    KEPT + "try again. If it happens again, tell the person who runs the service.",
  ],
  storage_busy: ["The storage is busy.", LATER],
  storage_unavailable: ["The service could not reach its storage.", LATER],
  wrong_delete_token: ({ path }) => [
    "The service does not accept that this photo came from this page.",
    `Ask the person who runs it to delete ${path}.`,
  ],
  image_not_decodable: ["The photo cannot be read: the file is damaged or incomplete.", SAVE_AGAIN],
  unsupported_type: ({ step }) => [
    step === "classification"
      ? "The file is not a photo, although its name says so."
      : "The service does not take this kind of photo.",
    CHOOSE_ANOTHER,
  ],
  image_not_found: [
    "The uploaded photo is no longer there.",
    "Your photo is kept on this page: try again to upload it once more.",
  ],
  not_allowed: [
    "The service does not let this page in.",
    "Ask the person who runs it to check the page's access.",
  ],
  invalid_api_key: [
    "The service asks for a key.",
    "Open the page by the link that the person who runs it gave you; it ends in #key= and the key.",
  ],
  throttled: [
    "The service is getting more requests right now than it accepts.",
    KEPT + "wait a few seconds and try again.",
  ],
  blocked: ({ requests_per_5_min: most }) => [
    `The service has had too many requests from your network${most ? `: more than ${most.toLocaleString("en")} in five minutes` : ""}.`,
    KEPT + "wait five minutes and try again.",
  ],
  quota_exceeded: ({ daily_quota: most }) => [
    `The service's limit of ${most ? `${most.toLocaleString("en")} ` : ""}requests a day is used up.`,
    "Try again tomorrow, or ask the person who runs it to allow more.",
  ],
  bad_answer: ["The service gave an answer that this page does not understand.", LATER],
  refused: [
    "The service did not accept the request.",
    "Try again; if it happens again, choose another photo.",
  ],
  unavailable: ["The service is not working right now.", LATER],
  unexpected: [
    "Something went wrong on this page.",
    "Try again; if it happens again, reload the page.",
  ],
};

// Codes, and statuses with a code that is not known here, that are said in the words of another.
const SAME_AS = {
  __proto__: null,
  invalid_request: "refused",
  no_such_call: "unavailable",
  not_signed: "not_allowed",
  request_too_large: "too_large",
  401: "not_allowed",
  403: "not_allowed",
  404: "unavailable",
  408: "timed_out",
  413: "too_large",
  415: "unsupported_type",
  422: "image_not_decodable",
  429: "throttled",
  504: "timed_out",
};

const MEET_EVERY_PHOTO = ["offline", "not_allowed", "invalid_api_key", "blocked", "quota_exceeded"];

// What happened, what to do, and a line for the person who runs the service.
export function explain({ reason, facts }) {
  const words = WORDS[wordsFor(reason, facts.status)];
  const [title, advice] = words instanceof Function ? words(facts) : words;
  return { title, advice, trace: facts.status ? traceOf(reason, facts) : "" };
}

// The same in one text, where no photo is being sent.
export function sayWhy(error) {
  if (error.constructor === Error) return error.message; // one with words
  const { title, advice } = explain(asProblem(error));
  const what = advice.replace(KEPT, "");
  return `${title} ${what[0].toUpperCase()}${what.slice(1)}`;
}

export function asProblem(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem("unexpected");
}

export function meetsEveryPhoto({ reason, facts }) {
  return MEET_EVERY_PHOTO.includes(wordsFor(reason, facts.status));
}

function wordsFor(reason, status) {
  if (reason in WORDS) return reason;
  return SAME_AS[reason] ?? SAME_AS[status] ?? (status >= 500 ? "unavailable" : "refused");
}

const orShrink = (mayShrink) => (mayShrink ? `, or ${SHRINK}` : "");

const smaller = (mayShrink) =>
  `Choose a smaller photo, or save this one smaller${orShrink(mayShrink)}.`;

function traceOf(reason, { step, status, said }) {
  return [`Step: ${step}`, `HTTP status ${status}`, reason, said].filter(Boolean).join(" · ");
}

export function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
