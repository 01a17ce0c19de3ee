// The place that an answer cites: the page as it looks, with the cited place marked, beside the words that were quoted.

import { request } from "./api.js";
import { readable } from "./quotes.js";
import { byId, el, fill } from "./dom.js";
import { failure } from "./ui.js";

const NARROW = window.matchMedia("(max-width: 60rem)");
const POINTS_AN_INCH = 72;
const METRES_AN_INCH = 0.0254;

let opener = null;

/** Opens the panel for a citation: {document_id, version_id, title, page, boxes, quote, number}. `from` gets the focus back. */
export function openSource(citation, from) {
  const panel = byId("source");
  close(panel);
  opener = from;
  from?.setAttribute("aria-pressed", "true");
  const heading = el("h2", { id: "source-title", tabindex: "-1" }, citation.number ? `${citation.number}. ${citation.title}` : citation.title);
  fill(
    panel,
    el("div", { class: "bartop" },
      el("div", {}, heading, el("a", { class: "small", href: `#/documents/${citation.document_id}` }, "About this document")),
      el("button", { class: "button small", type: "button", "aria-label": "Close the source", on: { click: () => closeSource() } }, "Close")),
    citation.quote ? el("blockquote", {}, readable(citation.quote)) : el("span", {}),
    sheet(citation),
  );
  if (NARROW.matches) panel.showModal();
  else {
    panel.show();
    document.body.classList.add("with-source");
  }
  heading.focus();
}

export function closeSource() {
  const panel = byId("source");
  if (!panel.open) return;
  const back = opener;
  close(panel);
  if (back?.isConnected) back.focus();
}

export function install() {
  const panel = byId("source");
  panel.addEventListener("cancel", (event) => { event.preventDefault(); closeSource(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && panel.open) closeSource(); });
  window.addEventListener("hashchange", () => { if (panel.open) close(panel); });
}

function close(panel) {
  opener?.setAttribute("aria-pressed", "false");
  opener = null;
  if (panel.open) panel.close();
  for (const image of panel.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  fill(panel);
  document.body.classList.remove("with-source");
}

/** A page with its pager. `pages`: how many there are, where that is known. */
export function sheet({ document_id, version_id, title, page, boxes = [], pages = null }) {
  const place = el("div", {});
  const number = el("span", { class: "small", "aria-live": "polite" });
  const earlier = turn("‹", "Page before", () => show(shown - 1));
  const later = turn("›", "Next page", () => show(shown + 1));
  const larger = el("button", { class: "button small", type: "button", "aria-pressed": "false", on: { click: zoom } }, "Enlarge");
  const box = el("div", { class: "sheet", tabindex: "0", role: "region", "aria-label": "Page" }, el("div", { class: "pager" }, earlier, number, later, larger), place);
  let shown = page;

  function zoom() {
    const on = larger.getAttribute("aria-pressed") !== "true";
    larger.setAttribute("aria-pressed", String(on));
    place.querySelector("img")?.classList.toggle("zoomed", on);
  }

  async function show(next) {
    shown = next;
    number.textContent = pages ? `Page ${shown} of ${pages}` : `Page ${shown}`;
    earlier.disabled = shown <= 1;
    later.disabled = pages !== null && shown >= pages;
    const marked = boxes.filter((each) => each.page === shown).map((each) => each.box);
    try {
      const query = { version_id, highlight: marked.map((each) => each.join(",")) };
      const bytes = await (await request("GET", `/v1/documents/${document_id}/pages/${shown}.png`, { query })).arrayBuffer();
      if (shown !== next) return;
      const image = el("img", { alt: `Page ${shown} of ${title}${marked.length ? ", with the cited place marked" : ""}`, class: larger.getAttribute("aria-pressed") === "true" && "zoomed" });
      image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      await image.decode();
      for (const old of place.querySelectorAll("img")) URL.revokeObjectURL(old.src);
      fill(place, image);
      if (marked.length) box.scrollTop = place.offsetTop + image.clientHeight * share(bytes, image, marked) - box.clientHeight / 3;
    } catch (error) {
      if (error.code === "page_not_found" && shown > page) {
        later.disabled = true;
        shown -= 1;
        number.textContent = `Page ${shown}, the last one`;
        return;
      }
      fill(place, failure(error, error.status ? null : () => show(shown)));
    }
  }

  show(page);
  return box;
}

/** How far down the page the first mark is, 0 to 1. Marks are in points; the picture says its pixels a metre (PNG, pHYs). */
function share(bytes, image, marked) {
  const view = new DataView(bytes);
  let resolution = 110 / METRES_AN_INCH;
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x70485973) resolution = view.getUint32(at + 12);
  }
  const top = Math.min(...marked.map((box) => box[1]));
  return Math.min(1, (top / POINTS_AN_INCH) * METRES_AN_INCH * resolution / image.naturalHeight);
}

function turn(sign, label, onClick) {
  return el("button", { class: "button small", type: "button", "aria-label": label, on: { click: onClick } }, sign);
}
