/** The sample photos that go with the model that is served. */

/**
 * List the samples: `{path, caption}` each. None where the model has none, or where the page is
 * not told which model is served: samples are an offer, the page works without them.
 */
export async function samplesOfServedModel() {
  try {
    const [configuration, galleries] = await Promise.all([
      readJson("configuration.json"),
      readJson("samples/galleries.json"),
    ]);
    const gallery = galleries[configuration.model_name] ?? [];
    return gallery.map(({ file, caption }) => ({ path: `samples/${file}`, caption }));
  } catch {
    return [];
  }
}

async function readJson(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}
