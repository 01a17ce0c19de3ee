// Where files come in: anywhere on the page, or through the two buttons of a drop zone.

import { add, filesOf } from "./arrivals.js";
import { el } from "./dom.js";
import { button, toast } from "./ui.js";
import { may } from "./session.js";

let fieldsNow = () => ({});

/** What goes along with files that are dropped from now on. */
export function sendWith(fields) {
  fieldsNow = fields;
}

/** Takes files that are dropped anywhere. */
export function install() {
  let depth = 0;
  const files = (event) => event.dataTransfer?.types.includes("Files");
  const shade = (on) => document.body.classList.toggle("dropping", on);
  window.addEventListener("dragenter", (event) => { if (files(event)) { depth += 1; shade(true); event.preventDefault(); } });
  window.addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
  window.addEventListener("dragleave", (event) => { if (files(event) && (depth -= 1) <= 0) { depth = 0; shade(false); } });
  window.addEventListener("drop", async (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    shade(false);
    if (!may("documents:write")) return toast("You may read documents here, not add any.");
    const found = await filesOf(event.dataTransfer);
    if (found.length) add(found, fieldsNow());
    else toast("There was no file in what you dropped.");
  });
}

/** The buttons that choose files or a folder, in a frame that invites a drop. */
export function dropZone({ slim = false } = {}) {
  if (!may("documents:write")) return null;
  const files = chooser({ multiple: true, "aria-label": "Choose files" });
  const folder = chooser({ webkitdirectory: true, "aria-label": "Choose a folder" });
  return el(
    "div", { class: slim ? "drop slim" : "drop" },
    slim ? null : el("h2", {}, "Drop files or folders here"),
    slim ? null : el("p", { class: "soft" }, "PDF, Word, Excel, PowerPoint, EPUB, e-mail, web pages, Markdown, text, and scans."),
    el("div", { class: "row" }, button("Choose files", () => files.click(), { class: slim ? "small" : "main" }), button("Choose a folder", () => folder.click(), { class: slim ? "small" : "" }), slim && el("span", { class: "soft small" }, "or drop them anywhere on this page")),
    files, folder,
  );
}

function chooser(properties) {
  const input = el("input", { type: "file", hidden: true, ...properties });
  input.addEventListener("change", () => {
    add([...input.files].filter((file) => !file.name.startsWith(".")), fieldsNow());
    input.value = "";
  });
  return input;
}
