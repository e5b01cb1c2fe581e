// The ways that photos come onto the page.

import { at } from "./element.js";
import { photosFromFiles } from "./photos.js";
import { Problem } from "./problems.js";

// `offer` gets a function that reads photos, `refuse` a Problem.
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
  takeShared(take).catch(() => take([], "share_failed"));
}

function wireInput(buttonId, inputId, take) {
  const input = at(inputId);
  at(buttonId).onclick = () => input.click();
  input.onchange = () => {
    const files = [...input.files];
    input.value = ""; // so that the same file counts as a change
    if (files.length > 0) take(files);
  };
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

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].some((type) => /^(Files|text\/uri-list)$/.test(type));
}

function wirePaste(take) {
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // Text that is pasted into a field is the field's.
    if (files.length === 0 && event.target.closest?.("input, textarea")) return;
    take(files, "nothing_pasted");
  });
}

// For phones, which have no key to paste with.
function wirePasteButton(take) {
  at("paste").hidden = !navigator.clipboard?.read;
  at("paste").onclick = async () => {
    try {
      const items = await navigator.clipboard.read();
      const pictures = items.flatMap((item) => {
        const type = item.types.find((each) => each.startsWith("image/"));
        return type ? item.getType(type) : [];
      });
      const blobs = await Promise.all(pictures);
      const files = blobs.map((blob) => new File([blob], "pasted photo", { type: blob.type }));
      take(files, "nothing_pasted");
    } catch (error) {
      take([], error.name === "NotAllowedError" ? "no_clipboard" : "nothing_pasted");
    }
  };
}

// The service worker has stored what another app shared.
async function takeShared(take) {
  const { pathname, search } = location;
  if (!search.startsWith("?shared")) return;
  history.replaceState(null, "", pathname);
  const store = await caches.open("warmlens-shared");
  const kept = await Promise.all((await store.keys()).map((key) => store.match(key)));
  await caches.delete("warmlens-shared");
  const files = kept.map(async (file) => {
    const blob = await file.blob();
    return new File([blob], decodeURIComponent(file.headers.get("X-Name")), { type: blob.type });
  });
  if (search !== "?shared") return take([], "share_failed"); // some of them may be there
  take(await Promise.all(files), "nothing_shared");
}
