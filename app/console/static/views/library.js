// Documents: the list, and one of them with everything that there is to know and do.

import { get } from "../api.js";
import { arrivalList, shareOf } from "../arrivals.js";
import { el, fill } from "../dom.js";
import { dropZone, sendWith } from "../drop.js";
import { ended, follow } from "../follow.js";
import { cursorList } from "../list.js";
import { session } from "../session.js";
import { badge, empty, field, input, select } from "../ui.js";
import * as words from "../words.js";

export { documentView } from "./document.js";

const A_PAGE = 100;
const TYPING_MS = 250;
const UNFINISHED = new Set(["processing", "updating"]);

export function documentsView(place) {
  const several = session.collections.length > 1;
  const collection = select([["", "All collections"], ...session.collections.map(({ name }) => [name, name])], "");
  const status = select([["", "Any"], ["ready", "Ready"], ["processing", "Preparing"], ["updating", "Updating"], ["failed", "Failed"]], "");
  const title = input({ type: "search", placeholder: "Part of a title or file name" });
  const rows = el("div", {});
  let live = new AbortController();
  const draw = () => {
    live.abort();
    live = new AbortController();
    fill(rows, documentList({ collection: collection.value, status: status.value, q: title.value.trim() }, live.signal));
  };
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
  return () => { clearTimeout(typing); live.abort(); sendWith(() => ({})); };
}

function documentList(where, signal) {
  const narrowed = Object.values(where).some(Boolean);
  const rows = new Map();
  return cursorList("Documents", {
    one: "document",
    many: "documents",
    fetchPage: async (cursor) => {
      const found = await get("/v1/documents", { ...where, cursor, limit: A_PAGE });
      followUnfinished(found.documents, rows, signal);
      return { items: found.documents, next: found.next_cursor };
    },
    row: (document) => {
      const place = el("div", {});
      const draw = (now, job = null) => fill(place, documentRow(now, job));
      rows.set(document.id, draw);
      draw(document);
      return place;
    },
    none: () => (narrowed ? empty("No such document", "Nothing fits what you look for. Ask for less, or for something else.") : empty("No documents yet", "Drop a file on this page: it is read, cut into passages and ready to be asked about in a moment.")),
  });
}

/** Documents that are being prepared show how far they are, and then how they ended. */
async function followUnfinished(documents, rows, signal) {
  const unfinished = new Map(documents.filter(({ status }) => UNFINISHED.has(status)).map((document) => [document.id, document]));
  if (!unfinished.size) return;
  const found = await Promise.all(["running", "queued"].map((status) => get("/v1/jobs", { status, limit: 200 }).catch(() => ({ jobs: [] }))));
  const [running, queued] = found.map(({ jobs }) => jobs.filter((job) => job.kind === "ingest-document" && unfinished.has(job.document_id)));
  if (signal.aborted) return;
  for (const job of [...running, ...queued.reverse()]) { // as they will come to their turn
    const draw = rows.get(job.document_id);
    const stop = follow(job.id, (now) => {
      draw(unfinished.get(job.document_id), now);
      if (ended(now)) get(`/v1/documents/${job.document_id}`).then((document) => draw(document), () => {});
    });
    signal.addEventListener("abort", stop, { once: true });
  }
}

function documentRow(document, job) {
  const version = document.latest_version;
  const about = [version.filename, version.pages !== null && words.count(version.pages, "page"), words.bytes(version.size_bytes), words.day(document.created_at)];
  const everyone = document.readers.includes("everyone");
  return el(
    "div", { class: "item" },
    el("a", { class: "title", href: `#/documents/${document.id}` }, document.title),
    el("span", { class: "about" }, about.filter(Boolean).join(" · "), job && !ended(job) && ` · ${words.doing(job)}`),
    el("span", { class: "end" }, !everyone && el("span", { class: "badge" }, "Restricted"), badge(document.status)),
    job && !ended(job) && el("progress", { class: "bar", max: 1, value: shareOf(job), "aria-label": `Progress of ${document.title}` }),
  );
}
