/** The answers of the service, checked. */

import { Problem } from "./problems.js";

const MAX_SAID_LENGTH = 200;
const MOST_CLASSES = 5;
const UNREACHED = [500, 503];

/** The JSON object of an answer; throws a Problem with `facts` for any other. */
export function readFields({ ok, status, text }, facts) {
  const fields = parseObject(text);
  if (ok && fields) return fields;
  if (status < 400) throw new Problem("bad_answer", { ...facts, status });
  // What API Gateway itself answers for an HTTP API has a message only; a 504 has waited already.
  const isRefusal = UNREACHED.includes(status) && isText(fields?.message);
  const unreached = isRefusal ? "unavailable" : "";
  const error = fields?.error ?? { code: unreached, message: fields?.message };
  const said = isText(error?.message) ? error.message.slice(0, MAX_SAID_LENGTH) : "";
  throw new Problem(isText(error?.code) ? error.code : "", { ...facts, status, said });
}

/** The permission for an upload: `url`, `fields`, `file_path` and `max_bytes`. */
export function readTicket(fields) {
  if (!isText(fields.url) || !isText(fields.file_path) || !isObject(fields.fields)) {
    throw new Problem("bad_answer", { step: "uploads" });
  }
  return fields;
}

/** The classification, with the paper's numbered keys as a list, the most likely class first. */
export function readAnswer(fields) {
  const classes = [];
  for (let rank = 1; rank <= MOST_CLASSES && isText(fields[`TOP${rank}_ID`]); rank += 1) {
    classes.push({
      id: fields[`TOP${rank}_ID`],
      label: fields[`TOP${rank}_label`] || fields[`TOP${rank}_ID`],
      share: fields[`TOP${rank}_softmax`],
    });
  }
  if (classes.length === 0 || !classes.every(({ share }) => Number.isFinite(share))) {
    throw new Problem("bad_answer", { step: "classification" });
  }
  const stages = isObject(fields.stages_ms) ? Object.entries(fields.stages_ms) : [];
  return {
    classes,
    functionMs: Number.isFinite(fields.time) ? fields.time * 1000 : null,
    stagesMs: stages.filter(([, ms]) => Number.isFinite(ms)),
    isUnsure: fields.recognized === false,
    explains: fields.explains !== false,
    map: readMap(fields.explanation),
    coldStart: typeof fields.cold_start === "boolean" ? fields.cold_start : null,
    initMs: Number.isFinite(fields.init_ms) ? fields.init_ms : null,
    name: fields.model,
    version: fields.version,
    instanceId: fields.instance_id,
  };
}

/** The map of the first class: `values` in `rows` and `columns` over `area`; or null. */
function readMap(map) {
  const isMap = isObject(map?.area) && map.values?.length === map.rows * map.columns;
  return isMap ? map : null;
}

function parseObject(text) {
  try {
    const value = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isText(value) {
  return typeof value === "string" && value !== "";
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
