// Ask: where a visitor begins. Drop files, watch them come in, ask, and look at what is cited.

import { get, post } from "../api.js";
import { all, arrivalList, watch } from "../arrivals.js";
import { el, fill } from "../dom.js";
import { dropZone } from "../drop.js";
import { filterPanel } from "../filters.js";
import { rename } from "../router.js";
import { may } from "../session.js";
import { pastTurn, turn } from "../turn.js";
import { button, failure } from "../ui.js";
import * as words from "../words.js";

const RECENT = 5;

export function askView(place, [conversation = ""]) {
  const state = { conversation, asking: false };
  const thread = el("div", { class: "thread" });
  const box = composer((question, body) => ask(state, thread, box, question, body));
  if (conversation) {
    const heading = el("h1", { class: "unseen" }, "Conversation");
    fill(place, el("div", { class: "narrow" }, heading, thread, box.element));
    box.dock();
    restore(thread, conversation);
    return undefined;
  }
  const intro = el("header", {}, el("h1", {}, "Ask your documents"), el("p", {}, "Every sentence of an answer shows the page and the place it comes from. Nothing leaves this server."));
  const library = el("div", { class: "stack" });
  const recent = el("div", {});
  const start = el("div", { class: "welcome" }, intro, box.element, library, recent);
  state.start = start;
  state.intro = [intro, library, recent];
  fill(place, el("div", { class: "narrow" }, thread, start));
  thread.hidden = true;
  const stop = welcome(library, recent);
  box.focus();
  return stop;
}

function welcome(library, recent) {
  const coming = arrivalList();
  const zone = el("div", {});
  fill(library, zone, coming);
  const draw = (documents) => fill(zone, dropZone({ slim: documents || all().length > 0 }));
  draw(true);
  get("/v1/documents", { limit: 1 }).then(({ documents }) => draw(documents.length > 0), (error) => error.status !== 401 && fill(zone, failure(error)));
  get("/v1/conversations", { limit: RECENT }).then(({ conversations }) => showRecent(recent, conversations), () => {});
  return watch(() => draw(true));
}

function showRecent(place, conversations) {
  const asked = conversations.filter(({ turns }) => turns > 0);
  if (!asked.length) return;
  fill(
    place,
    el("section", { class: "stack", "aria-labelledby": "recent" },
      el("div", { class: "head" }, el("h2", { id: "recent" }, "Go on asking"), el("a", { href: "#/conversations" }, "All conversations")),
      el("ul", { class: "list" }, asked.map(({ id, opening, turns, updated_at }) => el("li", {}, el("div", { class: "item" }, el("a", { class: "title", href: `#/ask/${id}` }, opening ?? words.time(updated_at)), el("span", { class: "about" }, `${words.count(turns, "question")}, ${words.when(updated_at)}`)))))),
  );
}

async function ask(state, thread, box, question, body) {
  if (state.asking) return;
  state.asking = true;
  if (state.start) {
    thread.hidden = false;
    for (const part of state.intro) part.hidden = true;
    thread.after(box.element);
    box.dock();
    state.start = null;
  }
  const { element, ask: send } = turn(question, {
    ...body,
    get conversation_id() {
      return state.conversation || undefined;
    },
  });
  thread.append(element);
  element.scrollIntoView({ block: "start", behavior: "smooth" });
  try {
    if (!state.conversation) {
      const begun = await post("/v1/conversations").catch(() => null);
      if (begun) {
        state.conversation = begun.id;
        rename(`ask/${begun.id}`);
      }
    }
    await send();
  } finally {
    state.asking = false;
  }
}

async function restore(thread, conversation) {
  try {
    const { turns } = await get(`/v1/conversations/${conversation}`);
    const answers = await Promise.all(turns.map((past) => (past.answer === null ? null : get(`/v1/answers/${past.answer_id}`).then((record) => record.answer, () => null))));
    thread.prepend(...turns.map((past, at) => pastTurn(past, answers[at])));
    thread.lastElementChild?.scrollIntoView({ block: "start" });
  } catch (error) {
    if (error.status !== 401) fill(thread, failure(error), button("Begin a new one", () => { location.hash = "#/ask"; }));
  }
}

function composer(onAsk) {
  const filters = filterPanel();
  const text = el("textarea", { rows: "1", maxlength: "4000", "aria-label": "Your question", placeholder: "Ask a question…", enterkeyhint: "send", disabled: !may("documents:read") });
  const send = el("button", { class: "button main", type: "submit" }, "Ask");
  const element = el("form", { class: "composer", "aria-label": "Ask" }, text, el("div", { class: "row" }, filters.element, send));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = text.value.trim();
    if (!question) return text.focus();
    text.value = "";
    return onAsk(question, filters.request());
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      element.requestSubmit();
    }
  });
  return {
    element,
    focus: () => text.focus(),
    dock() {
      element.classList.add("docked");
      text.placeholder = "Ask a follow-up…";
    },
  };
}
