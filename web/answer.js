import { Problem } from "./problems.js";

const MAX_SAID_LENGTH = 300;
const MOST_CLASSES = 5;

// The JSON object of an answer, else a Problem with `facts`.
export function readFields({ ok, status, text }, facts) {
  const fields = parseObject(text);
  if (ok && fields) return fields;
  if (status < 400) throw new Problem("bad_answer", { ...facts, status });
  // What API Gateway itself answers for an HTTP API has a message only; a 504 has waited already.
  const isUnreached = [500, 503].includes(status) && isText(fields?.message);
  const { code, message } = fields?.error ?? { ...fields, code: isUnreached && "unavailable" };
  const said = isText(message) ? message.slice(0, MAX_SAID_LENGTH) : "";
  throw new Problem(isText(code) ? code : "", { ...facts, status, said });
}

export function readTicket(fields) {
  if (isText(fields.url) && isText(fields.file_path) && isObject(fields.fields)) return fields;
  throw new Problem("bad_answer", { step: "uploads" });
}

export function readAnswer(fields) {
  const classes = [];
  for (let rank = 1; rank <= MOST_CLASSES && isText(fields[`TOP${rank}_ID`]); rank += 1) {
    const id = fields[`TOP${rank}_ID`];
    const share = fields[`TOP${rank}_softmax`];
    classes.push({ id, label: fields[`TOP${rank}_label`] || id, share });
  }
  if (classes.length === 0 || !classes.every(({ share }) => Number.isFinite(share))) {
    throw new Problem("bad_answer", { step: "classification" });
  }
  const stages = Object.entries(isObject(fields.stages_ms) ? fields.stages_ms : {});
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

const isText = (value) => typeof value === "string" && value !== "";

const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);
