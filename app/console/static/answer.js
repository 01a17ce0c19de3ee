// An answer as text with numbered citations. The text is a model's: only paragraphs, lists, strong words and code are known, and all
// else is shown as it was written.

import { el } from "./dom.js";
import { openSource } from "./source.js";

const ITEM = /^\s*(?:[-*•]|(\d+)[.)])\s+/;
const INLINE = /(\[\d+\](?:\[\d+\])*|\*\*[^*\n]+\*\*|`[^`\n]+`)/;

const CITE = "\0"; // begins a part that is a citation: no text has it
const drawn = new WeakMap(); // by element: its parts as text

/**
 * Makes `place` show the text; `citations` are those known by now. What is shown already stays as it is, so that who stands on a
 * citation while the answer grows goes on standing there.
 */
export function write(place, text, citations) {
  const known = new Map(citations.map((citation) => [citation.number, citation]));
  const wanted = blocks(text.replaceAll(CITE, ""));
  wanted.forEach(({ kind, lines }, at) => {
    const block = child(place, at, kind);
    if (kind === "p") renew(block, lines.join("\n"), known);
    else {
      lines.forEach((line, item) => renew(child(block, item, "li"), line, known));
      trim(block, lines.length);
    }
  });
  trim(place, wanted.length);
}

export function citeLabel(citation) {
  return `Citation ${citation.number}: ${citation.title}, page ${citation.page}`;
}

function blocks(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const item = ITEM.exec(line);
    const last = found.at(-1);
    if (line.trim() === "") found.push({ kind: "gap", lines: [] });
    else if (item) {
      const kind = item[1] ? "ol" : "ul";
      const content = line.slice(item[0].length);
      if (last?.kind === kind) last.lines.push(content);
      else found.push({ kind, lines: [content] });
    } else if (last && last.kind === "p") last.lines.push(line);
    else found.push({ kind: "p", lines: [line] });
  }
  return found.filter((block) => block.lines.length);
}

/** The element at this place, of this kind. */
function child(parent, at, kind) {
  const there = parent.children[at];
  if (there?.localName === kind) return there;
  const fresh = el(kind);
  if (there) there.replaceWith(fresh);
  else parent.append(fresh);
  return fresh;
}

function trim(parent, length) {
  while (parent.childNodes.length > length) parent.lastChild.remove();
}

function renew(element, text, known) {
  const wanted = parts(text, known);
  const old = drawn.get(element) ?? [];
  let same = 0;
  while (same < old.length && old[same] === wanted[same]) same += 1;
  trim(element, same);
  element.append(...wanted.slice(same).map((part) => inline(part, known)));
  drawn.set(element, wanted);
}

/** Each becomes one node; a citation that is not known yet is text. */
function parts(text, known) {
  const split = text.split(INLINE).flatMap((part) => (/^(\[\d+\])+$/.test(part) ? part.match(/\[\d+\]/g) : [part]));
  return split.filter(Boolean).map((part) => (/^\[\d+\]$/.test(part) && known.has(Number(part.slice(1, -1))) ? CITE + part.slice(1, -1) : part));
}

function inline(part, known) {
  if (part.startsWith(CITE)) return mark(known.get(Number(part.slice(CITE.length))));
  if (part.startsWith("**") && part.endsWith("**") && part.length > 4) return el("strong", {}, part.slice(2, -2));
  if (part.startsWith("`") && part.endsWith("`") && part.length > 2) return el("code", {}, part.slice(1, -1));
  return part;
}

function mark(citation) {
  const button = el("button", { class: "cite", type: "button", "aria-label": citeLabel(citation), "aria-pressed": "false" }, String(citation.number));
  button.addEventListener("click", () => openSource(citation, button));
  return button;
}
