/** The ways that photos come onto the page: chosen, taken, dropped, pasted. */

import { at } from "./element.js";
import { photosFromFiles } from "./photos.js";
import { Problem } from "./problems.js";
import { showDragging } from "./view.js";

/**
 * Begin to take photos.
 *
 * @param {(makePhotos: (mayConvert: boolean) => Promise<object>) => void} offer called with what
 *   reads the photos among the files, as photosFromFiles does.
 * @param {(problem: Problem) => void} refuse called when there are no files where some were meant.
 */
export function takePhotos(offer, refuse) {
  const take = (files, reasonIfNone) => {
    if (files.length > 0) offer((mayConvert) => photosFromFiles(files, mayConvert));
    else refuse(new Problem(reasonIfNone));
  };
  wireInput("choose", "file-input", take);
  wireInput("take", "camera-input", take);
  wireDrop(take);
  wirePaste(take);
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
    showDragging(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) showDragging(false);
  });
  addEventListener("drop", (event) => {
    showDragging(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files], "nothing_dropped");
  });
}

function wirePaste(take) {
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // Text that is pasted into a field is meant for the field.
    if (files.length === 0 && event.target.closest?.("input, textarea")) return;
    take(files, "nothing_pasted");
  });
}

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].some((type) => /^(Files|text\/uri-list)$/.test(type));
}
