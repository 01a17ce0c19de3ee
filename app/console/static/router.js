// Addresses within the page: `#/documents/doc_1`. Each view gets the rest of the path and the place to fill.

import { byId, fill } from "./dom.js";

let routes = [];
let leave = null;

/** `table`: [[name, view]]; a view is (place, parts) => optional function called when it is left, and sets the page's title. */
export function start(table) {
  routes = table;
  window.addEventListener("hashchange", moved);
  show();
}

/** What follows a step within the page is read from its beginning; at the first look that is the whole page's. */
function moved() {
  show();
  const main = byId("main");
  if (!main.contains(document.activeElement)) main.focus({ preventScroll: true });
}

export function go(path) {
  if (location.hash === `#/${path}`) show();
  else location.hash = `#/${path}`;
}

/** Changes the address without leaving the view. */
export function rename(path) {
  history.replaceState(null, "", `#/${path}`);
  mark();
}

export function current() {
  return location.hash.replace(/^#\//, "").split("/").map(decode);
}

function show() {
  const [name, ...parts] = current();
  const [, view] = routes.find(([known]) => known === name) ?? routes[0];
  leave?.();
  leave = null;
  const main = byId("main");
  fill(main);
  window.scrollTo(0, 0);
  mark();
  leave = view(main, parts) ?? null;
  const heading = main.querySelector("h1");
  document.title = heading ? `${heading.textContent} · Cairn` : "Cairn";
}

function mark() {
  const [name] = current();
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.getAttribute("href") === `#/${name || "ask"}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
