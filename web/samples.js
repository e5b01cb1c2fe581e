const TIMEOUT_MS = 10_000; // photos wait for it

export const readConfiguration = () => readJson("configuration.json").catch(() => null);

export async function samplesOf(modelName) {
  const galleries = await readJson("samples/galleries.json").catch(() => ({}));
  const gallery = galleries[modelName] ?? [];
  return gallery.map(({ file, caption }) => ({ path: `samples/${file}`, caption }));
}

async function readJson(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}
