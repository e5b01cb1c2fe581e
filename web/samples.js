/** The service's configuration, and the sample photos that go with its model. */

const TIMEOUT_MS = 10_000; // photos wait for it

/** The service's configuration, or null where the page cannot read it. */
export async function readConfiguration() {
  try {
    return await readJson("configuration.json");
  } catch {
    return null;
  }
}

/** The samples of a model, `{path, caption}` each; an empty list where they cannot be read. */
export async function samplesOf(modelName) {
  try {
    const galleries = await readJson("samples/galleries.json");
    const gallery = galleries[modelName] ?? [];
    return gallery.map(({ file, caption }) => ({ path: `samples/${file}`, caption }));
  } catch {
    return [];
  }
}

async function readJson(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}
