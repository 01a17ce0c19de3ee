import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function feedbackView(place) {
  fill(place, empty("Soon", ""));
}
