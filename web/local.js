/** What only the local cloud has: the switch between models, and the view of the instances. */

import { make } from "./element.js";
import { watch } from "./fleet.js";
import { offerModels } from "./switch.js";

export { buttonsForOthers, noteModel, serve } from "./switch.js";

/** Show both; `onServed` is that of offerModels. */
export async function begin(onServed) {
  const styles = make("link");
  styles.rel = "stylesheet";
  styles.href = "local.css";
  await new Promise((end) => {
    styles.addEventListener("load", end);
    styles.addEventListener("error", end);
    document.head.append(styles);
  });
  watch();
  offerModels(onServed);
}
