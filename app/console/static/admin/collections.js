// Collections: what is searched together, and the rules that hold in each.

import { get, patch, post, put, remove } from "../api.js";
import { el } from "../dom.js";
import { session } from "../session.js";
import { button, dialog, facts, field, input, loaded, select, table, toast } from "../ui.js";
import * as words from "../words.js";

const UNSUPPORTED = [["drop", "Left out"], ["flag", "Shown apart"]];

export function collectionsView(place) {
  const again = () => loaded(place, async () => {
    session.collections = (await get("/v1/collections")).collections;
    const policies = await Promise.all(session.collections.map(({ name }) => get(`/v1/collections/${encodeURIComponent(name)}/pii`)));
    return el("div", { class: "stack" }, el("div", {}, button("New collection", () => create(again), { class: "main" })), el("div", { class: "columns" }, session.collections.map((collection, at) => card(collection, policies[at], again))));
  });
  again();
}

function card(collection, policy, again) {
  const path = `/v1/collections/${encodeURIComponent(collection.name)}`;
  const rules = Object.entries(policy.rules);
  return el(
    "section", { class: "panel stack", "aria-label": collection.name },
    el("h2", {}, collection.name),
    facts([
      ["Embedding model", collection.embedding_model],
      ["Cut by", collection.chunker],
      ["Kept", collection.retention_days === null ? "until deleted" : words.count(collection.retention_days, "day")],
      ["New documents are read by", collection.readers === null ? "everyone here" : collection.readers.join(", ")],
      ["Sentences without support", Object.fromEntries(UNSUPPORTED)[collection.answering.unsupported] ?? collection.answering.unsupported],
      ["Answers from confidence", collection.answering.calibration ? `${Math.round(collection.answering.calibration.threshold * 100)} % (at most ${Math.round(collection.answering.calibration.risk * 100)} % wrong)` : "as built in"],
      ["Personal data", policy.own ? "rules of its own" : "as the server's settings say"],
    ]),
    policy.note && el("p", { class: "notice warn" }, policy.note),
    el("details", {}, el("summary", {}, `Rules for personal data (${rules.length})`), table(`Rules of ${collection.name}`, ["What", "Becomes", "From score#"], rules.map(([entity, rule]) => [words.entity(entity), words.sentence(rule.action), rule.threshold.toFixed(2)]))),
    el("div", { class: "row" },
      button("Change", () => change(collection, path, again), { class: "small" }),
      button("Personal data", () => changePolicy(collection, policy, path, again), { class: "small" }),
      button("Rebuild index", () => rebuild(collection, path), { class: "small" })),
  );
}

function readersField(given) {
  return input({ value: (given ?? []).join(", "), placeholder: "everyone here" });
}

const listed = (control) => control.value.split(",").map((name) => name.trim()).filter(Boolean);

async function create(again) {
  const name = input({ required: true, maxlength: "64", placeholder: "papers" });
  const readers = readersField(null);
  const made = await dialog("New collection", {
    confirm: "Create",
    fields: [field("Name", name, "Small letters, digits, - and _."), field("Who reads documents that name nobody", readers, "user:NAME or group:NAME, with commas between; empty: everyone here.")],
    act: () => post("/v1/collections", { name: name.value, readers: listed(readers).length ? listed(readers) : null }),
  });
  if (made) again();
}

async function change(collection, path, again) {
  const days = input({ type: "number", min: "1", max: "36500", value: collection.retention_days ?? "", placeholder: "until deleted" });
  const readers = readersField(collection.readers);
  const unsupported = select(UNSUPPORTED, collection.answering.unsupported);
  const done = await dialog(`Change ${collection.name}`, {
    fields: [
      field("Days that documents are kept", days, "Those that are older are deleted within the hour, with receipts."),
      field("Who reads documents that name nobody", readers),
      field("Sentences that no passage supports", unsupported),
    ],
    act: async () => {
      await patch(path, { retention_days: days.value ? Number(days.value) : null, readers: listed(readers).length ? listed(readers) : null });
      await patch(`${path}/answering`, { unsupported: unsupported.value });
    },
  });
  if (done) again();
}

async function changePolicy(collection, policy, path, again) {
  const preset = select([["default", "Default: identifiers are hidden"], ["strict", "Strict: names of people too"], ["off", "Off: nothing is hidden"], ["server", "As the server's settings say"]], policy.own ? "default" : "server");
  const allow = input({ value: policy.allow.join(", "), placeholder: "*@example.org" });
  const done = await dialog(`Personal data in ${collection.name}`, {
    text: "It holds for documents that come in from now on.",
    fields: [field("Policy", preset), field("What stays", allow, "Words or patterns with *, with commas between.")],
    act: () => (preset.value === "server" ? remove(`${path}/pii`) : put(`${path}/pii`, { preset: preset.value, allow: listed(allow) })),
  });
  if (done) again();
}

async function rebuild(collection, path) {
  const model = input({ value: collection.embedding_model });
  const job = await dialog(`Rebuild ${collection.name}`, {
    text: "The present index answers until the new one is complete, and stays if that finds less.",
    confirm: "Rebuild",
    fields: [field("Embedding model", model)],
    act: () => post(`${path}/reindex`, { embedding_model: model.value || null }),
  });
  if (job) {
    toast("The index is being rebuilt.");
    location.hash = `#/activity/${job.id}`;
  }
}
