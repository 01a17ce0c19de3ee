// Caches: what is kept to answer sooner.

import { get, remove } from "../api.js";
import { el } from "../dom.js";
import { button, dialog, loaded, table, toast } from "../ui.js";
import * as words from "../words.js";

export function cachesView(place) {
  const again = () => loaded(place, async () => {
    const { levels } = await get("/v1/admin/caches");
    return el(
      "div", { class: "stack" },
      el("p", { class: "soft" }, "An entry is given again only while nothing that its asker may read has changed."),
      table("Caches", ["Level", "Entries#", "Size#", "Limit, all tenants#"], levels.map((level) => [words.sentence(level.name), words.number(level.entries), words.bytes(level.bytes), words.bytes(level.limit_bytes)])),
      el("div", {}, button("Empty them", () => clear(again), { class: "danger" })),
    );
  });
  again();
}

async function clear(again) {
  const done = await dialog("Empty the caches?", { text: "Answers and search results are made anew when they are asked for.", confirm: "Empty", danger: true, act: () => remove("/v1/admin/caches") });
  if (!done) return;
  toast(`${words.count(done.removed, "entry", "entries")} removed.`);
  again();
}
