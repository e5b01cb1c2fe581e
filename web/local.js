// What only the local cloud has: the switch between models and the view of instances.

import { make } from "./element.js";
import { watch } from "./fleet.js";
import { callLocal } from "./local-call.js";
import { raceBy } from "./race.js";
import { offerModels } from "./switch.js";

export { noteModel } from "./switch.js";

export async function begin(onServed, onChosen) {
  const styles = make("link");
  styles.rel = "stylesheet";
  styles.href = "local.css";
  await new Promise((end) => {
    styles.onload = styles.onerror = end;
    document.head.append(styles);
  });
  watch();
  raceBy(() => callLocal("_local/fresh", {}));
  offerModels(onServed, onChosen);
}
