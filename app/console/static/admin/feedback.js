// Feedback: what people think of answers.

import { get } from "../api.js";
import { el, fill } from "../dom.js";
import { cursorList } from "../list.js";
import { badge, empty } from "../ui.js";
import * as words from "../words.js";

export function feedbackView(place) {
  fill(place, cursorList("Feedback", {
    one: "voice",
    many: "voices",
    fetchPage: async (cursor) => {
      const found = await get("/v1/feedback", { cursor, limit: 50 });
      return { items: found.feedback, next: found.next_cursor };
    },
    row: (given) => el(
      "div", { class: "item" },
      el("span", { class: "title" }, given.comment ?? "No comment"),
      el("span", { class: "about" }, `${given.user_id}, ${words.when(given.created_at)}, on ${given.answer_id}`),
      el("span", { class: "end" }, given.thumb && badge(given.thumb === "up" ? "ok" : "failed", given.thumb === "up" ? "Helpful" : "Not helpful"), given.score !== null && badge("", `${given.score} of 5`)),
    ),
    none: () => empty("Nobody said anything yet", "Under each answer people can say whether it helped."),
  }));
}
