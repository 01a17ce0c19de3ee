// What a question searches in: collections, documents, metadata and dates.

import { get } from "./api.js";
import { el, fill } from "./dom.js";
import { session } from "./session.js";
import { field, input } from "./ui.js";

/** {element, request()}: the part of a question's body that says where to look. */
export function filterPanel() {
  const several = session.collections.length > 1;
  const boxes = session.collections.map(({ name }) => el("input", { type: "checkbox", value: name, checked: name === first() }));
  const metadata = input({ placeholder: "client=acme, year=2026" });
  const tags = input({ placeholder: "draft, board" });
  const from = input({ type: "date" });
  const to = input({ type: "date" });
  const finder = input({ type: "search", placeholder: "Part of a title" });
  const found = el("div", { class: "checks" });
  const chosen = new Map();
  const summary = el("summary", {}, "");
  finder.addEventListener("input", () => look(finder.value.trim(), found, chosen, tell));
  for (const control of [...boxes, metadata, tags, from, to]) control.addEventListener("change", tell);

  const collections = () => boxes.filter((box) => box.checked).map((box) => box.value);

  function tell() {
    const narrowed = [metadata.value && "metadata", tags.value && "tags", (from.value || to.value) && "dates", chosen.size && `${chosen.size} chosen`].filter(Boolean);
    const where = several ? collections().join(", ") || first() : "all documents";
    summary.textContent = `Looks in: ${where}${narrowed.length ? ` (${narrowed.join(", ")})` : ""}`;
  }

  function request() {
    const filters = {};
    const pairs = metadata.value.split(",").map((pair) => pair.split("=").map((part) => part.trim())).filter(([name, value]) => name && value);
    if (pairs.length) filters.metadata = Object.fromEntries(pairs);
    const wanted = tags.value.split(",").map((tag) => tag.trim()).filter(Boolean);
    if (wanted.length) filters.tags = wanted;
    if (from.value) filters.date_from = from.value;
    if (to.value) filters.date_to = to.value;
    if (chosen.size) filters.document_ids = [...chosen.keys()];
    const searched = collections();
    return { collections: searched.length ? searched : [first()], filters };
  }

  tell();
  const element = el(
    "details", {}, summary,
    el(
      "div", { class: "filters" },
      several && el("fieldset", { class: "all field" }, el("legend", { class: "label" }, "Collections"), el("div", { class: "checks" }, session.collections.map(({ name }, at) => el("label", {}, boxes[at], name)))),
      el("div", { class: "all stack" }, field("Only in documents", finder), found),
      field("Metadata", metadata, "Names and values, with commas between."),
      field("Tags", tags),
      field("From", from),
      field("To", to),
    ),
  );
  return { element, request };
}

function first() {
  return session.collections.some(({ name }) => name === "default") ? "default" : session.collections[0]?.name ?? "default";
}

async function look(text, place, chosen, tell) {
  const picked = [...chosen].map(([id, title]) => ({ id, title }));
  let others = [];
  if (text) {
    try {
      others = (await get("/v1/documents", { q: text, limit: 8 })).documents.filter(({ id }) => !chosen.has(id));
    } catch {
      others = [];
    }
  }
  fill(place, [...picked, ...others].map(({ id, title }) => {
    const box = el("input", { type: "checkbox", checked: chosen.has(id) });
    box.addEventListener("change", () => {
      if (box.checked) chosen.set(id, title);
      else chosen.delete(id);
      tell();
    });
    return el("label", {}, box, title);
  }));
}
