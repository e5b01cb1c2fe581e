// A call that only the local cloud answers; throws an Error in words for a person.
export async function callLocal(path, body) {
  let response;
  let answer;
  try {
    response = await fetch(path, body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    answer = await response.json();
  } catch {
    throw new Error("The local cloud does not answer. Start it again with make run.");
  }
  if (!response.ok) throw new Error(answer.error?.message ?? `The local cloud answered ${response.status}.`);
  return answer;
}
