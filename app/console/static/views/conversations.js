// Conversations: one's own, to go on with or to remove.

import { get, remove } from "../api.js";
import { el, fill } from "../dom.js";
import { cursorList } from "../list.js";
import { button, dialog, empty } from "../ui.js";
import * as words from "../words.js";

export function conversationsView(place) {
  const rows = el("div", {});
  const draw = () => fill(rows, cursorList("Conversations", {
    one: "conversation",
    many: "conversations",
    fetchPage: async (cursor) => {
      const found = await get("/v1/conversations", { cursor, limit: 50 });
      return { items: found.conversations.filter(({ turns }) => turns > 0), next: found.next_cursor };
    },
    row: (conversation) => row(conversation, draw),
    none: () => empty("No conversations yet", "Ask something; what follows it is kept here, for you alone.", el("a", { class: "button main", href: "#/ask" }, "Ask")),
  }));
  fill(place, el("div", { class: "narrow stack" }, el("h1", {}, "Conversations"), rows));
  draw();
}

function row(conversation, draw) {
  const name = conversation.opening ?? words.time(conversation.updated_at);
  const drop = () => dialog("Remove this conversation?", { text: name, confirm: "Remove", danger: true, act: () => remove(`/v1/conversations/${conversation.id}`) }).then((done) => done && draw());
  return el(
    "div", { class: "item" },
    el("a", { class: "title", href: `#/ask/${conversation.id}` }, name),
    el("span", { class: "about" }, `${words.count(conversation.turns, "question")}, ${words.when(conversation.updated_at)}`),
    el("span", { class: "end" }, button("Remove", drop, { class: "small", "aria-label": `Remove ${name}` })),
  );
}
