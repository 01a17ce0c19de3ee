import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function healthView(place) {
  fill(place, empty("Soon", ""));
}
