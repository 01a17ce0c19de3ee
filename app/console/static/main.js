// Begins: who is it, what may they see, and the view that the address names.

import { REFUSED, get } from "./api.js";
import { byId, el, fill } from "./dom.js";
import * as drop from "./drop.js";
import * as provider from "./provider.js";
import * as router from "./router.js";
import { forget, key, may, session } from "./session.js";
import * as source from "./source.js";
import { themeChoice } from "./theme.js";
import { failure } from "./ui.js";
import { adminView } from "./views/admin.js";
import { askView } from "./views/ask.js";
import { conversationsView } from "./views/conversations.js";
import { documentView, documentsView } from "./views/library.js";
import { jobView, jobsView } from "./views/jobs.js";
import { signIn } from "./views/sign_in.js";

const ROUTES = [
  ["ask", askView],
  ["documents", (place, parts) => (parts[0] ? documentView(place, parts) : documentsView(place))],
  ["activity", (place, parts) => (parts[0] ? jobView(place, parts) : jobsView(place))],
  ["conversations", conversationsView],
  ["admin", adminView],
];

let started = false;

async function enter(me) {
  session.me = me;
  session.collections = may("documents:read") ? (await get("/v1/collections")).collections : [];
  menus();
  if (!may("documents:read") && !location.hash.startsWith("#/admin")) location.hash = "#/admin/audit";
  if (started) router.go(router.current().join("/"));
  else {
    started = true;
    drop.install();
    source.install();
    router.start(ROUTES);
  }
}

function menus() {
  const links = [
    may("documents:read") && ["ask", "Ask"],
    may("documents:read") && ["documents", "Documents"],
    may("documents:read") && ["activity", "Activity"],
    ["collections:manage", "tenant:manage", "audit:read"].some(may) && ["admin", "Admin"],
  ].filter(Boolean);
  const nav = byId("nav");
  nav.hidden = false;
  fill(nav, el("ul", {}, links.map(([name, text]) => el("li", {}, el("a", { href: `#/${name}` }, text)))));
  const { user, tenant, roles, groups } = session.me;
  const details = el(
    "details", {},
    el("summary", { "aria-label": `Account of ${user}` }, user),
    el(
      "div", { class: "menu" },
      el("p", {}, el("strong", {}, user), ` at ${tenant}`),
      el("p", { class: "soft small" }, roles.join(", ").replaceAll("_", " ") || "no role", groups.length > 0 && `; ${groups.join(", ")}`),
      themeChoice(),
      el("a", { class: "small", href: "/openapi.json" }, "The API, described"),
      el("button", { class: "button", type: "button", on: { click: () => leave("You are signed out.") } }, "Sign out"),
    ),
  );
  details.addEventListener("keydown", (event) => { if (event.key === "Escape") { details.open = false; details.querySelector("summary").focus(); } });
  document.addEventListener("click", (event) => { if (!details.contains(event.target)) details.open = false; });
  fill(byId("account"), details);
}

/** Ends the session; everything that it showed goes with the page. */
function leave(note) {
  forget();
  provider.forget();
  sessionStorage.setItem("cairn.note", note);
  location.replace("/");
}

async function begin() {
  document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
  window.addEventListener(REFUSED, () => session.me && leave("Your key has ended. Sign in again."));
  const note = sessionStorage.getItem("cairn.note") ?? "";
  sessionStorage.removeItem("cairn.note");
  try {
    await provider.returned();
  } catch (error) {
    return signIn(byId("main"), enter, error.message);
  }
  if (!key()) return signIn(byId("main"), enter, note);
  provider.renew();
  try {
    await enter(await get("/v1/me"));
  } catch (error) {
    if (error.status === 401) {
      forget();
      return signIn(byId("main"), enter, "Your key has ended. Sign in again.");
    }
    fill(byId("main"), failure(error, () => location.reload()));
  }
}

begin();
