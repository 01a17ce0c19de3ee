// One question and its answer, as it comes: places found, sentences with citations, then what there is to say of the whole.

import { Problem, post, request } from "./api.js";
import { citeLabel, write } from "./answer.js";
import { el, fill } from "./dom.js";
import { readable } from "./quotes.js";
import { openSource } from "./source.js";
import { events } from "./sse.js";
import { button, failure, say, toast } from "./ui.js";
import * as words from "./words.js";

const DEGRADED = {
  model: "No language model answered: these are the best supported sentences of your documents.",
  vectors: "The index of meanings did not answer: passages were found by their words alone.",
  keywords: "The index of words did not answer: passages were found by their meaning alone.",
  rerank: "The passages are in the order of the first search.",
};
const LOST = "The connection broke before the answer was whole.";

/** The element of a turn; `ask()` sends the question and resolves when it is over. */
export function turn(question, body) {
  const status = el("p", { class: "soft small" }, "Looking through the documents…");
  const found = el("div", { class: "found" });
  const text = el("div", { class: "answer" });
  const places = el("div", {});
  const after = el("div", { class: "stack" });
  const element = el("article", { class: "turn", "aria-busy": "true" }, el("h2", { tabindex: "-1" }, question), status, found, text, places, after);

  let asked = 0;

  async function ask() {
    fill(found);
    fill(text);
    fill(places);
    fill(after);
    status.hidden = false;
    status.textContent = "Looking through the documents…";
    element.setAttribute("aria-busy", "true");
    performance.mark("cairn.asked");
    asked = performance.now();
    const draft = { text: "", citations: [] };
    let answer = null;
    try {
      const response = await request("POST", "/v1/query", { body: { ...body, query: question, stream: true } });
      for await (const event of events(response)) {
        if (event.name === "error") throw new Problem(event.data);
        if (event.name === "passages") tellFound(event.data.passages);
        else if (event.name === "citation") draft.citations.push(event.data);
        else if (event.name === "delta") {
          draft.text += event.data.text;
          text.classList.add("writing");
          write(text, draft.text, draft.citations);
        } else if (event.name === "answer") answer = event.data;
      }
      if (answer === null) throw new Problem({ title: LOST, detail: LOST });
      whole(answer);
    } catch (error) {
      if (error.status === 401) return null;
      const broken = error instanceof Problem && error.code !== "unreachable" ? error : new Problem({ title: LOST, detail: draft.text ? LOST : error.detail ?? LOST });
      status.hidden = true;
      fill(after, failure(broken, ask));
      say(`${broken.detail} You can try again.`, true);
    } finally {
      text.classList.remove("writing");
      element.removeAttribute("aria-busy");
    }
    return answer;
  }

  function tellFound(passages) {
    performance.mark("cairn.first-passage");
    const pages = new Map(passages.map((passage) => [`${passage.document_id} ${passage.page_start}`, passage]));
    status.textContent = passages.length ? `Found ${words.count(passages.length, "passage")}. Reading them…` : "Found nothing that fits.";
    fill(found, [...pages.values()].slice(0, 4).map((passage) => placeChip(passage)));
  }

  function whole(answer) {
    fill(found);
    status.hidden = true;
    write(text, answer.text, answer.citations);
    showWhole(question, answer, { places, after, took: performance.now() - asked });
    const cited = words.count(answer.citations.length, "citation");
    say(answer.abstained ? `No answer: ${answer.text}` : `Answer, with ${cited}: ${answer.text}`);
  }

  return { element, ask };
}

/** A turn that was answered before, of a conversation's record. */
export function pastTurn(past, answer) {
  const text = el("div", { class: "answer" });
  const places = el("div", {});
  const after = el("div", { class: "stack" });
  if (answer) {
    write(text, answer.text, answer.citations);
    showWhole(past.question, answer, { places, after });
  } else fill(text, el("p", { class: "soft" }, past.answer ?? "What was answered is not shown: a document that it cites was deleted, or is no longer yours to read."));
  return el("article", { class: "turn" }, el("h2", {}, past.question), text, places, after);
}

function placeChip(passage) {
  const chip = el("button", { class: "button small", type: "button", "aria-pressed": "false" }, `${passage.title}, page ${passage.page_start}`);
  const { text, page_start: page, boxes, title, document_id, version_id } = passage;
  chip.addEventListener("click", () => openSource({ document_id, version_id, title, page, boxes, quote: text }, chip));
  return chip;
}

function showWhole(question, answer, { places, after, took = null }) {
  if (answer.citations.length) {
    fill(places, el("h3", { class: "unseen" }, "Sources"), el("ol", { class: "places", "aria-label": "Sources" }, answer.citations.map((citation) => el("li", {}, place(citation)))));
  }
  fill(
    after,
    answer.standalone && answer.standalone !== question && el("p", { class: "soft small" }, `Understood as: ${answer.standalone}`),
    answer.abstained && el("p", { class: "notice" }, "Your documents do not answer this, so nothing is cited."),
    !answer.grounded && !answer.abstained && el("p", { class: "notice warn" }, "Not every sentence could be bound to a passage. Check it before you rely on it."),
    answer.degraded.map((part) => el("p", { class: "soft small" }, DEGRADED[part] ?? `Not at its best: ${words.sentence(part)}.`)),
    answer.unsupported.length > 0 && el("details", {}, el("summary", {}, `${words.count(answer.unsupported.length, "sentence")} without support`), el("ul", {}, answer.unsupported.map((line) => el("li", {}, line)))),
    foot(answer, took),
  );
}

function place(citation) {
  const button = el(
    "button", { class: "place", type: "button", "aria-pressed": "false", "aria-label": `${citeLabel(citation)}. ${citation.quote}` },
    el("span", { class: "n", "aria-hidden": "true" }, String(citation.number)),
    el("span", { class: "where" }, `${citation.title}, page ${citation.page}`),
    el("span", { class: "quote" }, readable(citation.quote)),
  );
  button.addEventListener("click", () => openSource(citation, button));
  return button;
}

function foot(answer, took) {
  const up = thumb("Helpful");
  const down = thumb("Not helpful");
  const comment = el("input", { type: "text", "aria-label": "What was good or bad about it", placeholder: "Say why (optional)", maxlength: "2000" });
  const form = el("form", { class: "row field", hidden: true }, el("div", { class: "grow" }, comment), el("button", { class: "button small", type: "submit" }, "Send"));

  async function give(value, pressed, other) {
    try {
      await post("/v1/feedback", { answer_id: answer.id, thumb: value, comment: comment.value.trim() || undefined });
      pressed.setAttribute("aria-pressed", "true");
      other.setAttribute("aria-pressed", "false");
      form.hidden = false;
      say("Thank you");
    } catch (error) {
      toast(error.detail);
    }
  }

  up.addEventListener("click", () => give("up", up, down));
  down.addEventListener("click", () => give("down", down, up));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [value, pressed, other] = up.getAttribute("aria-pressed") === "true" ? ["up", up, down] : ["down", down, up];
    await give(value, pressed, other);
    form.hidden = true;
    toast("Your feedback is kept with the answer.");
  });
  const made = answer.model === "extractive" ? "sentences of the documents themselves" : `written by ${answer.model}`;
  const kept = ["exact", "semantic"].includes(answer.cache) ? "given before" : made;
  return el(
    "div", { class: "stack" },
    el("div", { class: "after" }, up, down, copyButton(answer), el("span", {}, kept), took !== null && el("span", {}, words.seconds(took)), answer.confidence !== null && el("span", {}, `confidence ${Math.round(answer.confidence * 100)} %`)),
    form,
  );
}

function thumb(label) {
  return el("button", { class: "thumb", type: "button", "aria-pressed": "false" }, label);
}

function copyButton(answer) {
  if (!navigator.clipboard) return null;
  const sources = answer.citations.map((citation) => `[${citation.number}] ${citation.title}, page ${citation.page}: "${citation.quote}"`);
  return button("Copy", async () => {
    await navigator.clipboard.writeText([answer.text, "", ...sources].join("\n"));
    toast("Copied, with its sources.");
  }, { class: "small" });
}
