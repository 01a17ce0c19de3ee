// An answer as text with numbered citations. The text is a model's: only paragraphs, lists, strong words and code are known, and all
// else is shown as it was written.

import { el, fill } from "./dom.js";
import { openSource } from "./source.js";

const ITEM = /^\s*(?:[-*•]|(\d+)[.)])\s+/;
const INLINE = /(\[\d+\](?:\[\d+\])*|\*\*[^*\n]+\*\*|`[^`\n]+`)/;

/** Fills `place` with the text; `citations` are those known by now. */
export function write(place, text, citations) {
  const known = new Map(citations.map((citation) => [citation.number, citation]));
  fill(place, blocks(text).map((block) => shown(block, known)));
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

function shown({ kind, lines }, known) {
  if (kind === "p") return el("p", {}, inline(lines.join("\n"), known));
  return el(kind, {}, lines.map((line) => el("li", {}, inline(line, known))));
}

function inline(text, known) {
  return text.split(INLINE).map((part) => {
    if (part.startsWith("**") && part.length > 4) return el("strong", {}, part.slice(2, -2));
    if (part.startsWith("`") && part.length > 2) return el("code", {}, part.slice(1, -1));
    if (/^(\[\d+\])+$/.test(part)) return [...part.matchAll(/\d+/g)].map(([digits]) => mark(Number(digits), known));
    return part;
  });
}

function mark(number, known) {
  const citation = known.get(number);
  if (!citation) return `[${number}]`;
  const button = el("button", { class: "cite", type: "button", "aria-label": citeLabel(citation), "aria-pressed": "false" }, String(number));
  button.addEventListener("click", () => openSource(citation, button));
  return button;
}
