// One document: how it stands, who reads it, its versions, what was hidden in it, its pages, and its end.

import { get, patch, post, remove, request } from "../api.js";
import { add } from "../arrivals.js";
import { el, fill } from "../dom.js";
import { ended, follow } from "../follow.js";
import { go } from "../router.js";
import { may } from "../session.js";
import { sheet } from "../source.js";
import { badge, button, dialog, facts, failure, field, input, loaded, say, toast } from "../ui.js";
import * as words from "../words.js";
import { stepList } from "./steps.js";

const POLLED_MS = 1_000;

export function documentView(place, [id]) {
  const live = new AbortController();
  loaded(place, () => whole(id, place, live.signal), "Document");
  return () => live.abort();
}

async function whole(id, place, signal) {
  const [document, versions, { jobs }] = await Promise.all([
    get(`/v1/documents/${id}`),
    get(`/v1/documents/${id}/versions`).then((found) => found.versions),
    get("/v1/jobs", { document_id: id, limit: 20 }),
  ]);
  const again = () => !signal.aborted && documentAgain(place, id, signal);
  const writes = may("documents:write");
  const latest = document.latest_version;
  const job = jobs.find((each) => each.version_id === latest.id);
  window.document.title = `${document.title} · Cairn`;
  return el(
    "div", { class: "stack wide" },
    el(
      "div", { class: "stack" },
      el("p", {}, el("a", { href: "#/documents" }, "‹ Documents")),
      el("div", { class: "head" }, el("h1", { tabindex: "-1" }, document.title), badge(document.status)),
      el("div", { class: "row" },
        button("Download", () => download(document)),
        writes && button("Rename", () => rename(document, again)),
        writes && replacer(document),
        writes && button("Delete", () => erase(document, place), { class: "danger" })),
    ),
    job && job.status !== "succeeded" && el("section", { class: "panel stack", "aria-label": "Its job" }, el("h2", {}, "How it comes in"), progress(job, again, signal)),
    el(
      "div", { class: "columns" },
      el("div", { class: "stack" }, about(document), readers(document, writes, again), pii(latest), versionList(document, versions)),
      el("div", { class: "stack" }, pages(document, latest), indexed(document)),
    ),
  );
}

async function documentAgain(place, id, signal) {
  try {
    fill(place, await whole(id, place, signal));
  } catch (error) {
    fill(place, failure(error));
  }
}

function progress(job, again, signal) {
  const place = el("div", {});
  fill(place, stepList(job, again));
  if (!ended(job)) {
    const stop = follow(job.id, (now) => {
      fill(place, stepList(now, again));
      if (ended(now)) again();
    });
    signal.addEventListener("abort", stop, { once: true });
  }
  return place;
}

function about(document) {
  const latest = document.latest_version;
  return panel("About", facts([
    ["File", latest.filename],
    ["Kind", latest.media_type],
    ["Size", words.bytes(latest.size_bytes)],
    latest.pages !== null && ["Pages", words.number(latest.pages)],
    latest.chunks !== null && ["Passages", words.number(latest.chunks)],
    ["Added", words.time(document.created_at)],
    ...Object.entries(document.metadata).map(([name, value]) => [words.sentence(name), value]),
    ["SHA-256", el("span", { class: "mono" }, latest.sha256)],
  ]));
}

function readers(document, writes, again) {
  const everyone = document.readers.includes("everyone");
  return panel(
    "Who may read it",
    el("ul", { class: "row" }, document.readers.map((reader) => el("li", { class: "badge" }, reader === "everyone" ? "Everyone here" : reader))),
    !everyone && el("p", { class: "soft small" }, "Nobody else finds it, is answered from it, or is told that it is there."),
    writes && button("Change readers", () => share(document, again), { class: "small" }),
  );
}

function share(document, again) {
  const everyone = el("input", { type: "radio", name: "who", checked: document.readers.includes("everyone") });
  const some = el("input", { type: "radio", name: "who", checked: !document.readers.includes("everyone") });
  const named = input({ value: document.readers.filter((reader) => reader !== "everyone").join(", "), placeholder: "group:finance, user:ada" });
  return dialog("Who may read it", {
    text: "It holds from now on: for questions, kept answers and conversations.",
    fields: [
      el("fieldset", { class: "field" }, el("legend", { class: "unseen" }, "Readers"), el("div", { class: "checks" }, el("label", {}, everyone, "Everyone here"), el("label", {}, some, "These, and me"))),
      field("People and groups", named, "user:NAME or group:NAME, with commas between."),
    ],
    act: async () => {
      const listed = named.value.split(",").map((name) => name.trim()).filter(Boolean);
      await patch(`/v1/documents/${document.id}`, { readers: everyone.checked ? ["everyone", ...listed] : listed });
      toast("Readers changed.");
      again();
    },
  });
}

function pii(version) {
  const counts = Object.entries(version.pii_counts).filter(([, found]) => found > 0);
  return panel(
    "Personal data",
    counts.length
      ? facts(counts.map(([name, found]) => [words.entity(name), `${words.number(found)} hidden`]))
      : el("p", { class: "soft" }, version.chunks === null ? "Not looked for yet." : "None was found."),
    el("p", { class: "soft small" }, "Hidden before anything is indexed; only the original file has it. ", el("span", { class: "mono" }, `${version.pii_policy || "no policy"}${version.pii_recognisers ? `, ${version.pii_recognisers}` : ""}`)),
  );
}

function versionList(document, versions) {
  return panel(
    words.count(versions.length, "version"),
    el("ul", { class: "list" }, versions.map((version) => el(
      "li", {},
      el("div", { class: "item" },
        el("span", { class: "title" }, version.filename),
        el("span", { class: "about" }, `${words.bytes(version.size_bytes)} · ${words.time(version.created_at)}`),
        el("span", { class: "end" },
          version.id === document.active_version_id && badge("ready", "Answers"),
          button("Download", () => download(document, version), { class: "small", "aria-label": `Download the version of ${words.time(version.created_at)}` }))),
    ))),
  );
}

function pages(document, latest) {
  if (document.status === "processing" || document.status === "failed") return null;
  return el("section", { class: "sheetbox", "aria-label": "Its pages" }, sheet({ document_id: document.id, version_id: document.active_version_id, title: document.title, page: 1, pages: latest.pages }));
}

function indexed(document) {
  if (!document.active_version_id) return null;
  const place = el("div", { class: "stack" });
  let cursor = null;
  async function more() {
    try {
      const found = await get(`/v1/documents/${document.id}/chunks`, { cursor, limit: 20 });
      place.querySelector("button")?.remove();
      place.append(...found.chunks.map((chunk) => el("div", { class: "chunk" }, el("p", { class: "soft small" }, `Page ${chunk.page_start}${chunk.heading_path.length ? ` · ${chunk.heading_path.join(" › ")}` : ""}`), el("p", {}, chunk.text))));
      cursor = found.next_cursor;
      if (cursor) place.append(button("Show more", more, { class: "small" }));
    } catch (error) {
      fill(place, failure(error, more));
    }
  }
  const details = el("details", { class: "panel" }, el("summary", {}, "What was indexed"), place);
  details.addEventListener("toggle", () => details.open && !place.childElementCount && more(), { once: true });
  return details;
}

async function download(document, version = null) {
  try {
    const response = await request("GET", `/v1/documents/${document.id}/content`, { query: { version_id: version?.id } });
    // Its own type would let a browser open it as a page of this site.
    const address = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: "application/octet-stream" }));
    el("a", { href: address, download: (version ?? document.latest_version).filename }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    toast(error.detail);
  }
}

function rename(document, again) {
  const title = input({ value: document.title, required: true, maxlength: "500" });
  return dialog("Rename", { fields: [field("Title", title)], act: async () => { await patch(`/v1/documents/${document.id}`, { title: title.value }); again(); } });
}

function replacer(document) {
  const chooser = el("input", { type: "file", hidden: true, "aria-label": "Choose the new version" });
  chooser.addEventListener("change", () => {
    add([...chooser.files], { document_id: document.id });
    go("documents");
  });
  return [button("Replace", () => chooser.click()), chooser];
}

async function erase(document, place) {
  const deleted = await dialog(`Delete “${document.title}”?`, {
    text: "Nobody finds it from this moment on. Then every store is searched for what is left of it, and you get a signed receipt. It cannot be brought back.",
    confirm: "Delete",
    danger: true,
    act: () => remove(`/v1/documents/${document.id}`),
  });
  if (!deleted) return;
  say(`${document.title} is deleted`);
  const standing = el("div", { class: "stack" });
  const heading = el("h1", { tabindex: "-1" }, "Deleted");
  fill(place, el("div", { class: "narrow stack" }, el("p", {}, el("a", { href: "#/documents" }, "‹ Documents")), heading, el("p", {}, `“${document.title}” is found by nobody any more.`), standing));
  heading.focus();
  followErasure(deleted, standing);
}

async function followErasure(deleted, place) {
  const steps = el("section", { class: "panel" });
  fill(place, steps);
  follow(deleted.job_id, (job) => fill(steps, stepList(job, () => post(`/v1/jobs/${job.id}/retry`).then(() => followErasure(deleted, place), (error) => toast(error.detail)))));
  while (place.isConnected) {
    const erasure = await get(`/v1/erasures/${deleted.erasure_id}`).catch(() => null);
    if (erasure?.receipt) {
      place.append(receipt(erasure));
      say("The receipt is there: nothing of the document was found.");
      return;
    }
    await new Promise((resolve) => { setTimeout(resolve, POLLED_MS); });
  }
}

function receipt(erasure) {
  const text = JSON.stringify({ receipt: erasure.receipt, signature: erasure.signature }, null, 2);
  return el(
    "section", { class: "panel receipt", "aria-labelledby": "receipt" },
    el("div", { class: "head" }, el("h2", { id: "receipt" }, "Receipt"), badge(erasure.status)),
    el("p", {}, "Every place was searched, and nothing of the document was found. This statement is signed."),
    el("details", {}, el("summary", {}, "The statement"), el("pre", {}, text)),
    el("div", {}, button("Save the receipt", () => {
      const address = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
      el("a", { href: address, download: `${erasure.id}.json` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    }, { class: "small" })),
  );
}

function panel(title, ...children) {
  return el("section", { class: "panel stack" }, el("h2", {}, title), ...children);
}
