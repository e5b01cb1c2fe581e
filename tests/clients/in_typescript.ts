// Classifies a photo by types that openapi-typescript made and openapi-fetch, in the call and
// uploaded. Arguments: the API's URL, the photo's path.
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { paths } from "./warmlens.js";

const [url, path] = process.argv.slice(2) as [string, string];
const photo = new Blob([await readFile(path)], { type: "image/jpeg" });
const client = createClient<paths>({ baseUrl: url });

// OpenAPI has no type for bytes, so the generated one is string.
async function classify(body: Blob, top?: number) {
  return client.POST("/classification", {
    params: { query: { top } },
    headers: { "Content-Type": "image/jpeg" },
    body: body as unknown as string,
    bodySerializer: (bytes: unknown) => bytes as Blob,
  });
}

const inTheCall = await classify(photo, 3);
if (!inTheCall.data) throw new Error(JSON.stringify(inTheCall.error));
console.log("call", inTheCall.data.predictions[0]!.label, inTheCall.data.predictions.length);

const grant = await client.POST("/uploads", {
  body: { content_type: "image/jpeg", bytes: photo.size },
});
if (!grant.data) throw new Error(JSON.stringify(grant.error));
const form = new FormData();
for (const [name, value] of Object.entries(grant.data.fields)) form.append(name, value);
form.append("file", photo);
const stored = await fetch(grant.data.url, { method: "POST", body: form });
if (!stored.ok) throw new Error(`S3 answered ${stored.status}`);
const uploaded = await client.POST("/classification", {
  body: { method: "classification", file_path: grant.data.file_path },
});
if (!uploaded.data) throw new Error(JSON.stringify(uploaded.error));
console.log("upload", uploaded.data.predictions[0]!.label, uploaded.data.predictions.length);

const refused = await classify(new Blob(["no photo"]));
if (!refused.error || !("error" in refused.error)) throw new Error("it was not refused");
console.log("refused", refused.error.error.code);

const known = await client.GET("/model");
if (!known.data) throw new Error(JSON.stringify(known.error));
const { labels, threshold } = known.data;
const recognized: boolean | null = uploaded.data.recognized;
if (recognized !== (threshold === null ? null : true)) throw new Error(`${recognized}`);
console.log("knows", labels.includes(uploaded.data.predictions[0]!.label) ? "True" : "False", labels.length);
