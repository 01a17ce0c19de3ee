import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function evaluationsView(place) {
  fill(place, empty("Soon", ""));
}
