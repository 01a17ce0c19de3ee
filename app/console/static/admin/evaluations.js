// Evaluations: golden questions asked and scored, run after run.

import { get, post } from "../api.js";
import { el, fill } from "../dom.js";
import { columns, curve } from "../plots.js";
import { session } from "../session.js";
import { button, dialog, empty, failure, field, input, loaded, select, table } from "../ui.js";
import * as words from "../words.js";

const SHOWN = ["recall", "mrr", "ndcg", "cited", "correct", "silence"];

export function evaluationsView(place, [id]) {
  if (id) return oneRun(place, id);
  const collection = select(session.collections.map(({ name }) => [name, name]), session.collections[0]?.name);
  const runs = el("div", {});
  const draw = () => loaded(runs, () => list(collection.value));
  collection.addEventListener("change", draw);
  fill(place, el("div", { class: "row" }, el("div", { class: "grow" }, field("Collection", collection)), button("Start a run", () => start(collection.value), { class: "main" })), runs);
  draw();
  return undefined;
}

async function list(collection) {
  const { evaluations } = await get("/v1/evaluations", { collection });
  if (!evaluations.length) return empty("No runs yet", "A run asks questions whose evidence is known, and says how many passages were found, cited and answered rightly.");
  const scored = evaluations.filter((run) => run.scores).reverse();
  const names = measures(scored);
  return el(
    "div", { class: "stack" },
    scored.length > 1 && el("div", { class: "columns" }, names.map((name) => el("figure", { class: "panel stack" }, el("figcaption", {}, el("h2", {}, words.sentence(name))), curve(name, scored.map((run) => ({ label: words.day(run.created_at), value: run.scores[name] ?? null })))))),
    table("Runs", ["When", ...names.map((name) => `${words.sentence(name)}#`), "Questions"], [...evaluations].map((run) => [
      words.time(run.created_at),
      ...names.map((name) => shown(run.scores?.[name])),
      el("a", { href: `#/admin/evaluations/${run.id}` }, run.scores ? "Look" : "Under way"),
    ])),
  );
}

function oneRun(place, id) {
  loaded(place, async () => {
    const run = await get(`/v1/evaluations/${id}`);
    const names = measures(run.scores ? [run] : []);
    return el(
      "div", { class: "stack" },
      el("p", {}, el("a", { href: "#/admin/evaluations" }, "‹ Evaluations")),
      el("p", { class: "soft" }, `${words.time(run.created_at)}, ${words.count(run.results.length, "question")}`),
      run.scores && el("figure", { class: "panel stack" }, el("figcaption", {}, el("h2", {}, "Scores")), columns("Scores of this run", names.map((name) => ({ label: words.sentence(name), value: run.scores[name] })))),
      run.results.length ? table("Questions", ["Question", ...names.map((name) => `${words.sentence(name)}#`)], run.results.map((result) => [result.question, ...names.map((name) => shown(result.measures[name]))])) : empty("Nothing asked yet", "The run is under way."),
      compare(run),
    );
  });
}

function compare(run) {
  const other = input({ placeholder: "eva_…", required: true });
  const place = el("div", {});
  const form = el("form", { class: "panel stack" }, field("Compare with the run", other, "Its id: the end of its address."), el("div", {}, el("button", { class: "button", type: "submit" }, "Compare")), place);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { differences } = await get(`/v1/evaluations/${run.id}/differences`, { to: other.value.trim() });
      fill(place, table("Differences", ["Measure", "This#", "Other#", "95 % of the difference#", "By chance#"], Object.entries(differences).map(([name, found]) => [words.sentence(name), shown(found.before), shown(found.after), `${shown(found.low)} to ${shown(found.high)}`, shown(found.p)])));
    } catch (error) {
      fill(place, failure(error));
    }
  });
  return form;
}

async function start(collection) {
  const questions = el("textarea", { rows: "5", placeholder: '{"question": "…", "evidence": [{"document": "…", "page": 1}]}' });
  const started = await dialog("Start a run", {
    confirm: "Start",
    fields: [field("Questions", questions, "JSON lines; empty: the collection's golden set.")],
    act: () => post("/v1/evaluations", { collection, questions: questions.value.trim() || null }),
  });
  if (started) location.hash = `#/activity/${started.job.id}`;
}

function measures(runs) {
  const known = new Set(runs.flatMap((run) => Object.keys(run.scores)));
  const first = SHOWN.flatMap((part) => [...known].filter((name) => name.toLowerCase().includes(part)));
  return [...new Set([...first, ...known])].filter((name) => runs.some((run) => run.scores[name] >= 0 && run.scores[name] <= 1)).slice(0, 6);
}

function shown(value) {
  return value === undefined || value === null ? "–" : value.toFixed(3);
}
