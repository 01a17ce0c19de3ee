import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function keysView(place) {
  fill(place, empty("Soon", ""));
}
