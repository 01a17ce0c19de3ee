import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function cachesView(place) {
  fill(place, empty("Soon", ""));
}
