import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function sourcesView(place) {
  fill(place, empty("Soon", ""));
}
