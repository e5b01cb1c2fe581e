import { readFields } from "./answer.js";
import { keyHeader } from "./key.js";
import { Problem } from "./problems.js";

const TIMEOUT_MS = 35_000; // API Gateway itself gives up after 29 s

// The JSON object that a call answers; with a body it is a POST. Throws a Problem with `facts`.
export async function call(path, options = {}) {
  const { body, step = path, facts, signal, headers, timeoutMs = TIMEOUT_MS, ...rest } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  let answer;
  try {
    const response = await fetch(path, {
      method: body ? "POST" : "GET",
      headers: { ...(body && { "Content-Type": "application/json" }), ...keyHeader(), ...headers },
      body: body && JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...rest,
    });
    answer = { ok: response.ok, status: response.status, text: await response.text() };
  } catch {
    signal?.throwIfAborted();
    const reason = limit.aborted ? "timed_out" : navigator.onLine ? "unreachable" : "offline";
    throw new Problem(reason, { step, limitMs: timeoutMs });
  }
  return readFields(answer, { ...facts, step });
}
