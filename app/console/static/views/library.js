// Documents: the list, and one of them with everything that there is to know and do.

import { get } from "../api.js";
import { arrivalList } from "../arrivals.js";
import { el, fill } from "../dom.js";
import { dropZone, sendWith } from "../drop.js";
import { cursorList } from "../list.js";
import { session } from "../session.js";
import { badge, empty, field, input, select } from "../ui.js";
import * as words from "../words.js";

export { documentView } from "./document.js";

const A_PAGE = 100;
const TYPING_MS = 250;

export function documentsView(place) {
  const several = session.collections.length > 1;
  const collection = select([["", "All collections"], ...session.collections.map(({ name }) => [name, name])], "");
  const status = select([["", "Any"], ["ready", "Ready"], ["processing", "Preparing"], ["updating", "Updating"], ["failed", "Failed"]], "");
  const title = input({ type: "search", placeholder: "Part of a title or file name" });
  const rows = el("div", {});
  const draw = () => fill(rows, documentList({ collection: collection.value, status: status.value, q: title.value.trim() }));
  let typing = 0;
  title.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(draw, TYPING_MS); });
  collection.addEventListener("change", draw);
  status.addEventListener("change", draw);
  sendWith(() => ({ collection: collection.value }));
  fill(
    place,
    el(
      "div", { class: "stack" },
      el("div", { class: "head" }, el("h1", {}, "Documents")),
      dropZone({ slim: true }),
      arrivalList(),
      el("div", { class: "toolbar", role: "search" }, field("Find", title), several && field("Collection", collection), field("Status", status)),
      rows,
    ),
  );
  draw();
  return () => { clearTimeout(typing); sendWith(() => ({})); };
}

function documentList(where) {
  const narrowed = Object.values(where).some(Boolean);
  return cursorList("Documents", {
    one: "document",
    many: "documents",
    fetchPage: async (cursor) => {
      const found = await get("/v1/documents", { ...where, cursor, limit: A_PAGE });
      return { items: found.documents, next: found.next_cursor };
    },
    row: documentRow,
    none: () => (narrowed ? empty("No such document", "Nothing fits what you look for. Ask for less, or for something else.") : empty("No documents yet", "Drop a file on this page: it is read, cut into passages and ready to be asked about in a moment.")),
  });
}

function documentRow(document) {
  const version = document.latest_version;
  const about = [version.filename, version.pages !== null && words.count(version.pages, "page"), words.bytes(version.size_bytes), words.day(document.created_at)];
  const everyone = document.readers.includes("everyone");
  return el(
    "div", { class: "item" },
    el("a", { class: "title", href: `#/documents/${document.id}` }, document.title),
    el("span", { class: "about" }, about.filter(Boolean).join(" · ")),
    el("span", { class: "end" }, !everyone && el("span", { class: "badge" }, "Restricted"), badge(document.status)),
  );
}
