// Folders: what is watched, and what could not be read in it.

import { get, post, remove } from "../api.js";
import { el } from "../dom.js";
import { session } from "../session.js";
import { badge, button, dialog, empty, facts, field, input, loaded, select, toast } from "../ui.js";
import * as words from "../words.js";

export function sourcesView(place) {
  const again = () => loaded(place, async () => {
    const found = await Promise.all(session.collections.map(async ({ name }) => (await get(base(name))).sources.map((source) => ({ collection: name, ...source }))));
    const sources = found.flat();
    return el(
      "div", { class: "stack" },
      el("div", {}, button("Watch a folder", () => watch(again), { class: "main" })),
      sources.length ? sources.map((source) => card(source, again)) : empty("No folder is watched", "A folder of this server can be kept in step with a collection: new, changed, moved and removed files follow by themselves."),
    );
  });
  again();
}

const base = (collection) => `/v1/collections/${encodeURIComponent(collection)}/sources`;

function card(source, again) {
  const path = `${base(source.collection)}/${source.id}`;
  return el(
    "section", { class: "panel stack", "aria-label": source.path },
    el("div", { class: "head" }, el("h2", {}, source.path), source.job && badge(source.job.status)),
    facts([
      ["Collection", source.collection],
      ["Looked at", source.last_pass ? words.when(source.last_pass.at) : "not yet"],
      ["Next", words.when(source.next_at)],
      ["Readers", source.readers === null ? "everyone here" : source.readers.join(", ")],
      source.last_pass && ["Last time", Object.entries(source.last_pass.counts).map(([name, value]) => `${words.number(value)} ${name.replaceAll("_", " ")}`).join(", ")],
    ]),
    source.job?.error && el("p", { class: "notice bad" }, source.job.error.detail),
    source.problems.length > 0 && el("details", {}, el("summary", {}, `${words.count(source.problems.length, "file")} not taken in`), el("ul", { class: "stack" }, source.problems.map((problem) => el("li", {}, el("strong", {}, problem.path), `: ${problem.detail}`)))),
    el("div", { class: "row" },
      button("Look now", () => post(`${path}/sync`, { retry_problems: true }).then((job) => { location.hash = `#/activity/${job.id}`; }, (error) => toast(error.detail)), { class: "small" }),
      button("Stop watching", () => stop(source, path, again), { class: "small danger" })),
  );
}

async function watch(again) {
  const folder = input({ required: true, placeholder: "/srv/documents/policies" });
  const collection = select(session.collections.map(({ name }) => [name, name]), "default");
  const minutes = input({ type: "number", min: "1", value: "5", required: true });
  const done = await dialog("Watch a folder", {
    confirm: "Watch",
    fields: [field("Folder", folder, "On the server, under one of CAIRN_SYNC_ROOTS."), field("Collection", collection), field("Minutes between two looks", minutes)],
    act: () => post(base(collection.value), { path: folder.value, interval_s: Number(minutes.value) * 60 }),
  });
  if (done) again();
}

async function stop(source, path, again) {
  const documents = el("input", { type: "checkbox" });
  const done = await dialog(`Stop watching ${source.path}?`, {
    confirm: "Stop watching",
    danger: true,
    fields: [el("div", { class: "checks" }, el("label", {}, documents, "Delete its documents too, with receipts"))],
    act: () => remove(path, { documents: documents.checked }),
  });
  if (done) again();
}
