// Parts that every view uses: what is said aloud, messages, dialogs, states, fields.

import { byId, el, fill, newId } from "./dom.js";
import * as words from "./words.js";

/** Said by screen readers; `urgent` interrupts. */
export function say(text, urgent = false) {
  const region = byId(urgent ? "assertive" : "polite");
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

const TOAST_MS = 8_000;

/** A message in the corner that goes by itself. */
export function toast(text) {
  const box = el("div", { class: "toast" }, el("span", {}, text), el("button", { class: "plain", type: "button", "aria-label": "Dismiss", on: { click: () => box.remove() } }, "✕"));
  byId("toasts").append(box);
  say(text);
  setTimeout(() => box.remove(), TOAST_MS);
}

export function badge(status, text = words.status(status)) {
  return el("span", { class: `badge ${words.tone(status)}` }, text);
}

export function button(text, onClick, properties = {}) {
  const { class: name = "", ...others } = properties;
  return el("button", { type: "button", class: `button ${name}`, on: { click: onClick }, ...others }, text);
}

/** What went wrong, and a way on. */
export function failure(error, retry) {
  return el(
    "div", { class: "notice bad row apart", role: "alert" },
    el("span", {}, error.title && error.title !== error.detail ? el("strong", {}, `${error.title}. `) : null, error.detail || error.message),
    retry && button("Try again", retry, { class: "small" }),
  );
}

export function empty(title, text, ...actions) {
  return el("div", { class: "empty" }, el("h2", {}, title), el("p", {}, text), ...actions);
}

/** Shows what `load` resolves to; meanwhile that it loads, or why it cannot, under the `title` where it brings its own. */
export async function loaded(place, load, title = "") {
  const heading = () => title && el("h1", {}, title);
  fill(place, el("div", { class: "stack" }, heading(), el("p", { class: "soft", "aria-busy": "true" }, "Loading…")));
  try {
    fill(place, await load());
  } catch (error) {
    if (error.status === 401) return;
    fill(place, el("div", { class: "stack" }, heading(), failure(error, () => loaded(place, load, title))));
  }
}

/** A labelled control. */
export function field(label, control, hint) {
  control.id ||= newId("field");
  const hintId = hint && newId("hint");
  if (hintId) control.setAttribute("aria-describedby", hintId);
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control, hint && el("span", { class: "hint", id: hintId }, hint));
}

export function input(properties = {}) {
  return el("input", { type: "text", autocomplete: "off", ...properties });
}

export function select(options, chosen, properties = {}) {
  return el("select", properties, options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
}

/**
 * Asks in a dialog of `fields`; `act` is run when it is confirmed and may raise, which is then shown in it. Resolves to what `act`
 * returned, or null when it was dismissed.
 */
export function dialog(title, { text = "", fields = [], confirm = "Save", danger = false, act = () => true }) {
  const heading = newId("dialog");
  const wrong = el("div", {});
  const yes = el("button", { class: `button ${danger ? "danger" : "main"}`, type: "submit" }, confirm);
  const box = el(
    "dialog", { class: "dialog", "aria-labelledby": heading },
    el(
      "form", { method: "dialog" },
      el("h2", { id: heading }, title),
      text && el("p", {}, text),
      fields,
      wrong,
      el("div", { class: "row" }, button("Cancel", () => box.close()), yes),
    ),
  );
  document.body.append(box);
  box.showModal();
  return new Promise((resolve) => {
    let result = null;
    box.addEventListener("close", () => { box.remove(); resolve(result); });
    box.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      yes.disabled = true;
      try {
        result = (await act()) ?? true;
        box.close();
      } catch (error) {
        fill(wrong, failure(error));
      } finally {
        yes.disabled = false;
      }
    });
  });
}

export function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** Rows of cells under headings; a heading that ends in # has numbers. */
export function table(caption, headings, rows) {
  const numeric = headings.map((heading) => heading.endsWith("#"));
  return el(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table", {},
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, headings.map((heading, at) => el("th", { scope: "col", class: numeric[at] && "number" }, heading.replace(/#$/, ""))))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, at) => el("td", { class: numeric[at] && "number" }, cell))))),
    ),
  );
}
