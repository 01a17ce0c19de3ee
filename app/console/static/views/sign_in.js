// The way in: a key, or the organisation's identity provider.

import { get } from "../api.js";
import { el, fill } from "../dom.js";
import { forget, keep, keyFromAddress } from "../session.js";
import * as provider from "../provider.js";
import { button, failure, field, input } from "../ui.js";

/** Shows the form; calls `enter` once a key opened. `note`: why it is shown, where that needs saying. */
export function signIn(place, enter, note = "") {
  const given = keyFromAddress();
  const secret = input({ type: "password", name: "key", required: true, autocomplete: "current-password", spellcheck: "false", value: given ?? "" });
  const wrong = el("div", {});
  const elsewhere = provider.offered() && button("Sign in with your organisation", async () => {
    try {
      await provider.leave();
    } catch (error) {
      fill(wrong, failure(error));
    }
  });
  const go = el("button", { class: "button main", type: "submit" }, "Sign in");
  const form = el(
    "form", { class: "panel stack" },
    el("input", { type: "text", name: "user", value: location.host, autocomplete: "username", hidden: true }),
    field("API key", secret, "It begins with cairn_sk_ and stays in this tab until you close it."),
    wrong,
    go,
    elsewhere,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    keep(secret.value.trim());
    try {
      await enter(await get("/v1/me"));
    } catch (error) {
      forget();
      fill(wrong, failure(error.status === 401 ? { detail: "This key does not open anything here. Check that it is whole; it may also have ended." } : error));
      secret.focus();
    } finally {
      go.disabled = false;
    }
  });
  fill(
    place,
    el(
      "div", { class: "narrow welcome" },
      el("header", {}, el("h1", {}, "Ask your documents"), el("p", {}, "Cairn answers questions about your organisation's documents, and shows the place where each answer stands.")),
      note && el("p", { class: "notice" }, note),
      given && el("p", { class: "notice good" }, `A key came with the link. Sign in to ${location.host} with it?`),
      form,
      el("p", { class: "soft small" }, "On a new installation the first key is printed at the start; ", el("code", {}, "cairn keys first"), " prints it again. Otherwise ask who runs this server."),
    ),
  );
  document.title = "Sign in · Cairn";
  (given ? go : elsewhere || secret).focus();
}
