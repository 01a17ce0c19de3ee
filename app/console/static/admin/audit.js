import { fill } from "../dom.js";
import { empty } from "../ui.js";

export function auditView(place) {
  fill(place, empty("Soon", ""));
}
