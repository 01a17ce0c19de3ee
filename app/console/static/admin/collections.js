import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function collectionsView(place) {
  fill(place, empty("Soon", ""));
}
