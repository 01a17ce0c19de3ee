// Files on their way in: from the drop to "Ready". They go on while people look at other views.

import { post, upload } from "./api.js";
import { el, fill } from "./dom.js";
import { ended, follow } from "./follow.js";
import { badge, button, say, toast } from "./ui.js";
import * as words from "./words.js";

const AT_ONCE = 2; // uploads; a browser holds six connections
const SHOWN = 50;

const arrivals = new EventTarget();
const items = [];
const waiting = [];
let sending = 0;

/** Calls `listener` when an arrival changed; returns what ends that. */
export function watch(listener) {
  arrivals.addEventListener("change", listener);
  return () => arrivals.removeEventListener("change", listener);
}

export const all = () => items;

/** Takes files in: [{file, folder}]. `fields` go along, such as {collection, readers, document_id}. */
export function add(files, fields = {}) {
  performance.mark("cairn.dropped");
  const added = files.map((file) => ({ file, name: file.name, fields, state: "waiting", sent: 0, job: null, error: null, document: null, rows: new Set() }));
  items.unshift(...added);
  waiting.push(...added);
  if (added.length) say(`${words.count(added.length, "file")} on the way`);
  changed();
  begin();
  return added;
}

/** What was dropped or chosen: files, with those in folders. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = await Promise.all(entries.map(inside));
  return found.flat();
}

async function inside(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return found.flat();
    found.push(...(await Promise.all(batch.map(inside))));
  }
}

function begin() {
  while (sending < AT_ONCE && waiting.length) {
    const next = waiting.shift();
    sending += 1;
    send(next).finally(() => {
      sending -= 1;
      begin();
    });
  }
}

async function send(item) {
  Object.assign(item, { state: "sending", error: null, sent: 0 });
  changed(item);
  try {
    const unpack = item.name.toLowerCase().endsWith(".zip"); // each file in an archive is a document
    const taken = await upload(item.file, { ...item.fields, unpack: unpack ? "true" : "" }, (sent) => { item.sent = sent; changed(item); });
    const [receipt] = [...taken.documents, ...taken.bundles];
    Object.assign(item, { state: "taken", document: receipt.document_id ?? null, jobId: receipt.job_id, duplicate: receipt.duplicate ?? false });
    item.file = null;
    track(item);
  } catch (error) {
    Object.assign(item, { state: "refused", error });
    say(`${item.name} was not taken: ${error.detail}`, true);
  }
  changed(item);
}

function track(item) {
  follow(item.jobId, (job) => {
    item.job = job;
    if (ended(job) && job.status !== item.told) {
      item.told = job.status;
      if (job.status === "succeeded") performance.mark("cairn.ready");
      say(job.status === "succeeded" ? `${item.name} is ready` : `${item.name}: ${words.status(job.status)}. ${job.error?.detail ?? ""}`, job.status === "failed");
    }
    changed(item);
  });
}

async function retry(item) {
  if (item.state === "refused") {
    waiting.push(item);
    begin();
    return;
  }
  try {
    await post(`/v1/jobs/${item.jobId}/retry`);
    item.told = null;
    track(item);
  } catch (error) {
    toast(error.detail);
  }
}

function changed(item = null) {
  if (item) for (const draw of item.rows) draw();
  else arrivals.dispatchEvent(new Event("change"));
}

/** A live list of what came in since the page was opened; nothing while that is nothing. */
export function arrivalList() {
  const list = el("ul", { class: "list", "aria-label": "Files on their way" });
  const place = el("section", { class: "arrivals", "aria-label": "Added just now", hidden: true }, list);
  const rows = new Map();
  function draw() {
    place.hidden = items.length === 0;
    for (const item of items.slice(0, SHOWN)) if (!rows.has(item)) rows.set(item, liveRow(item));
    fill(list, items.slice(0, SHOWN).map((item) => rows.get(item)), items.length > SHOWN && el("li", { class: "item soft" }, `and ${words.number(items.length - SHOWN)} more`));
  }
  draw();
  watch(draw);
  return place;
}

function liveRow(item) {
  const place = el("li", {});
  const draw = () => fill(place, arrivalRow(item));
  item.rows.add(draw);
  draw();
  return place;
}

function arrivalRow(item) {
  const { status, text, share } = standing(item);
  const address = item.document ? `#/documents/${item.document}` : item.jobId && `#/activity/${item.jobId}`;
  const title = address && item.job?.status !== "gone" ? el("a", { class: "title", href: address }, item.name) : el("span", { class: "title" }, item.name);
  const failed = status === "failed" || item.state === "refused";
  return el(
    "div", { class: "item", data: { status } },
    title,
    el("span", { class: "about" }, text),
    el("span", { class: "end" }, badge(status), failed && button("Try again", () => retry(item), { class: "small", "aria-label": `Try ${item.name} again` })),
    share !== null && el("progress", { class: "bar", max: 1, value: share, "aria-label": `Progress of ${item.name}` }),
    failed && el("span", { class: "why" }, (item.error ?? item.job.error)?.detail ?? "It failed without a reason."),
  );
}

function standing(item) {
  if (item.state === "refused") return { status: "failed", text: "It was not taken.", share: null };
  if (item.state === "waiting") return { status: "queued", text: "Waits to be sent", share: 0 };
  if (item.state === "sending") return { status: "processing", text: `Sending, ${Math.round(item.sent * 100)} %`, share: item.sent * 0.1 };
  const { job } = item;
  if (!job) return { status: "queued", text: "Safely stored; waits its turn", share: 0.1 };
  if (job.status === "succeeded") return { status: "ready", text: item.duplicate ? "It was here already" : "Ready to be asked about", share: null };
  if (ended(job) || job.status === "gone") return { status: job.status, text: words.status(job.status), share: null };
  const lost = job.connected ? "" : " (connection lost, trying again)";
  return { status: "processing", text: words.doing(job) + lost, share: 0.1 + 0.9 * shareOf(job) };
}

const STEPS = ["parse-document", "redact-pii", "chunk-document", "embed-batch", "upsert-index", "activate-version", "invalidate-caches", "clean-up"];

/** How far an ingest is, 0 to 1, by its steps. */
export function shareOf(job) {
  const last = job.steps.at(-1);
  if (!last) return 0;
  const at = STEPS.findIndex((step) => last.id.startsWith(step));
  const within = last.status === "succeeded" ? 1 : job.progress?.total ? job.progress.done / job.progress.total : 0;
  return Math.min(1, (Math.max(at, 0) + within) / STEPS.length);
}
