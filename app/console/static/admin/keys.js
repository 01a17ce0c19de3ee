// Keys: who has one, what it opens, and its end. A secret is shown once.

import { get, post, remove } from "../api.js";
import { el } from "../dom.js";
import { badge, button, dialog, empty, field, input, loaded, table } from "../ui.js";
import * as words from "../words.js";

const ROLES = ["reader", "editor", "collection_admin", "tenant_admin", "auditor"];

export function keysView(place) {
  const again = () => loaded(place, async () => {
    const { keys } = await get("/v1/admin/keys");
    return el("div", { class: "stack" }, el("div", {}, button("New key", () => create(again), { class: "main" })), keys.length ? keyTable(keys, again) : empty("No keys", ""));
  });
  again();
}

function keyTable(keys, again) {
  return table("Keys", ["Name", "Acts as", "Roles", "Last used", "State", "Actions"], keys.map((key) => [
    key.name,
    [key.user, key.groups.map((group) => ` · ${group}`)],
    key.roles.map(words.sentence).join(", "),
    key.last_used_at ? words.when(key.last_used_at) : "never",
    state(key),
    ended(key) ? "" : el("div", { class: "row" },
      button("Rotate", () => rotate(key, again), { class: "small", "aria-label": `Rotate ${key.name}` }),
      button("Revoke", () => revoke(key, again), { class: "small danger", "aria-label": `Revoke ${key.name}` })),
  ]));
}

const ended = (key) => key.revoked_at !== null || (key.expires_at !== null && new Date(key.expires_at) < new Date());

function state(key) {
  if (key.revoked_at) return badge("cancelled", "Revoked");
  if (ended(key)) return badge("cancelled", "Over");
  return badge("ok", key.expires_at ? `Until ${words.day(key.expires_at)}` : "Opens");
}

async function create(again) {
  const name = input({ required: true, maxlength: "200", placeholder: "Ada's laptop" });
  const user = input({ required: true, maxlength: "200", placeholder: "ada" });
  const groups = input({ placeholder: "finance, board" });
  const days = input({ type: "number", min: "1", max: "3650", placeholder: "no end" });
  const roles = ROLES.map((role) => el("input", { type: "checkbox", value: role, checked: role === "reader" }));
  const issued = await dialog("New key", {
    confirm: "Create",
    fields: [
      field("Name", name, "What it is for, in your words."),
      field("User", user, "Readers lists name it user:NAME."),
      field("Groups", groups, "With commas between."),
      el("fieldset", { class: "field" }, el("legend", { class: "label" }, "Roles"), el("div", { class: "checks" }, ROLES.map((role, at) => el("label", {}, roles[at], words.sentence(role))))),
      field("Days", days, "After which it opens nothing any more."),
    ],
    act: () => post("/v1/admin/keys", {
      name: name.value,
      user: user.value,
      groups: groups.value.split(",").map((group) => group.trim()).filter(Boolean),
      roles: roles.filter((role) => role.checked).map((role) => role.value),
      expires_in_days: days.value ? Number(days.value) : null,
    }),
  });
  if (issued) showSecret(issued, again);
}

async function rotate(key, again) {
  const hours = input({ type: "number", min: "0", max: "720", value: "24", required: true });
  const issued = await dialog(`Rotate ${key.name}`, {
    confirm: "Rotate",
    fields: [field("Hours that the old secret still opens", hours)],
    act: () => post(`/v1/admin/keys/${key.id}/rotate`, { grace_hours: Number(hours.value) }),
  });
  if (issued) showSecret(issued, again);
}

async function revoke(key, again) {
  const done = await dialog(`Revoke ${key.name}?`, { text: `What uses it is refused from now on, as ${key.user}.`, confirm: "Revoke", danger: true, act: () => remove(`/v1/admin/keys/${key.id}`) });
  if (done) again();
}

async function showSecret(issued, again) {
  const secret = input({ readonly: true, value: issued.secret, class: "mono" });
  secret.addEventListener("focus", () => secret.select());
  await dialog("The key's secret", { text: "It is shown this once. Copy it now; only its digest is kept.", confirm: "I have it", fields: [field("Secret", secret)] });
  again();
}
