/** The ways that photos come onto the page: chosen, taken, dropped, pasted, shared by a phone. */

import { at } from "./element.js";
import { photosFromFiles } from "./photos.js";
import { Problem } from "./problems.js";

/** Listen for photos: `offer` gets a function that reads them from files, `refuse` a Problem. */
export function takePhotos(offer, refuse) {
  const take = (files, reasonIfNone) => {
    if (files.length > 0) offer(() => photosFromFiles(files));
    else refuse(new Problem(reasonIfNone));
  };
  wireInput("choose", "file-input", take);
  wireInput("take", "camera-input", take);
  wireDrop(take);
  wirePaste(take);
  wirePasteButton(take);
  takeShared(take).catch(() => {}); // storage is denied, so nothing was shared
}

function wireInput(buttonId, inputId, take) {
  const input = at(inputId);
  at(buttonId).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that choosing the same file again counts as a change
    if (files.length > 0) take(files);
  });
}

function wireDrop(take) {
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("is-dragging");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) endDrag();
  });
  addEventListener("drop", (event) => {
    endDrag();
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files], "nothing_dropped");
  });
}

const endDrag = () => document.body.classList.remove("is-dragging");

function wirePaste(take) {
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // Text that is pasted into a field is meant for the field.
    if (files.length === 0 && event.target.closest?.("input, textarea")) return;
    take(files, "nothing_pasted");
  });
}

/** For phones, which have no key to paste with. */
function wirePasteButton(take) {
  at("paste").hidden = !navigator.clipboard?.read;
  at("paste").addEventListener("click", async () => {
    try {
      const items = await navigator.clipboard.read();
      const pictures = items.flatMap((item) =>
        item.types.filter((type) => type.startsWith("image/")).slice(0, 1).map((type) => item.getType(type)),
      );
      const files = (await Promise.all(pictures)).map(
        (blob) => new File([blob], "pasted photo", { type: blob.type }),
      );
      take(files, "nothing_pasted");
    } catch {
      take([], "no_clipboard");
    }
  });
}

/** Take the photos that another app has shared, which the service worker has kept. */
async function takeShared(take) {
  if (location.search !== "?shared") return;
  history.replaceState(null, "", location.pathname);
  const store = await caches.open("warmlens-shared");
  const kept = await Promise.all((await store.keys()).map((key) => store.match(key)));
  await caches.delete("warmlens-shared");
  const files = kept.map(async (file) => {
    const blob = await file.blob();
    return new File([blob], decodeURIComponent(file.headers.get("X-Name")), { type: blob.type });
  });
  take(await Promise.all(files), "nothing_shared");
}

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].some((type) => /^(Files|text\/uri-list)$/.test(type));
}
