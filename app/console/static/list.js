// Long lists: pages are fetched by cursor as their end comes into sight, and rows out of sight are not laid out (CSS).

import { el, fill } from "./dom.js";
import { count } from "./words.js";
import { empty, failure, say } from "./ui.js";

const AHEAD = "800px";

/**
 * A list that grows. `fetchPage(cursor)` resolves to {items, next}; `row(item)` to a list item's children. `none` is shown
 * where there is nothing. Returns the element, with `whole` (a promise of all items shown) unused by people and handy for keyboards.
 */
export function cursorList(label, { fetchPage, row, one = "entry", many = "entries", none = () => empty("Nothing here", "") }) {
  const list = el("ul", { class: "list", "aria-label": label });
  const end = el("div", { class: "row soft small", "aria-live": "off" });
  const place = el("div", { class: "stack" }, list, end);
  let cursor = null;
  let shown = 0;
  let busy = false;

  async function more() {
    if (busy) return;
    busy = true;
    try {
      const { items, next } = await fetchPage(cursor);
      list.append(...items.map((item) => el("li", {}, row(item))));
      shown += items.length;
      cursor = next;
      if (shown === 0) fill(place, none());
      else if (next === null) fill(end, `${count(shown, one, many)}`);
      else fill(end, `${count(shown, one, many)} so far`, el("button", { class: "plain", type: "button", on: { click: more } }, "Show more"));
      if (next === null) watcher.disconnect();
    } catch (error) {
      watcher.disconnect();
      if (error.status !== 401) fill(end, failure(error, () => { watcher.observe(end); more(); }));
    } finally {
      busy = false;
    }
    if (cursor !== null && isNear(end)) requestAnimationFrame(more);
  }

  const watcher = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && more(), { rootMargin: AHEAD });
  watcher.observe(end);
  more().then(() => say(shown ? `${count(shown, one, many)} shown` : "Nothing found"));
  return place;
}

function isNear(element) {
  return element.isConnected && element.getBoundingClientRect().top < window.innerHeight + parseInt(AHEAD, 10);
}
