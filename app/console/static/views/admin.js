// Admin: what the roles of who is signed in let them see to.

import { auditView } from "../admin/audit.js";
import { cachesView } from "../admin/caches.js";
import { collectionsView } from "../admin/collections.js";
import { evaluationsView } from "../admin/evaluations.js";
import { feedbackView } from "../admin/feedback.js";
import { healthView } from "../admin/health.js";
import { keysView } from "../admin/keys.js";
import { sourcesView } from "../admin/sources.js";
import { el, fill } from "../dom.js";
import { may } from "../session.js";
import { empty } from "../ui.js";

const PARTS = [
  ["health", "Health", "tenant:manage", healthView],
  ["keys", "Keys", "tenant:manage", keysView],
  ["collections", "Collections", "collections:manage", collectionsView],
  ["sources", "Folders", "tenant:manage", sourcesView],
  ["evaluations", "Evaluations", "collections:manage", evaluationsView],
  ["feedback", "Feedback", "tenant:manage", feedbackView],
  ["audit", "Audit", "audit:read", auditView],
  ["caches", "Caches", "tenant:manage", cachesView],
];

export function adminView(place, [name, ...rest]) {
  const parts = PARTS.filter(([, , permission]) => may(permission));
  const part = parts.find(([known]) => known === name) ?? parts[0];
  if (!part) {
    fill(place, el("h1", {}, "Admin"), empty("Nothing for you to see to", "Your roles give no permission to manage anything here."));
    return undefined;
  }
  const body = el("div", { class: "stack" });
  const tab = ([known, text]) => el("a", { href: `#/admin/${known}`, "aria-current": known === part[0] && "page" }, text);
  fill(place, el("div", { class: "stack" }, el("h1", {}, `Admin: ${part[1]}`), el("nav", { class: "tabs", "aria-label": "Admin" }, parts.map(tab)), body));
  place.querySelector(".tabs [aria-current]").scrollIntoView({ inline: "center", block: "nearest" });
  return part[3](body, rest);
}
