// Health: what the server stands on, and whether it answers.

import { get, post } from "../api.js";
import { el, fill } from "../dom.js";
import { badge, button, failure, table, toast } from "../ui.js";
import * as words from "../words.js";

const EVERY_MS = 10_000;

export function healthView(place) {
  const states = el("div", { class: "stack" });
  const jobs = el("div", {});
  fill(
    place,
    states,
    jobs,
    el("section", { class: "panel stack" },
      el("h2", {}, "Upkeep"),
      el("p", { class: "soft" }, "Done every night by itself: indexes and files are compared with the catalog, and mended."),
      el("div", {}, button("Compare now", () => act("/v1/admin/reconcile", (job) => { location.hash = `#/activity/${job.id}`; })))),
  );
  const look = () => Promise.all([showStates(states), showJobs(jobs)]);
  look();
  const timer = setInterval(look, EVERY_MS);
  return () => clearInterval(timer);
}

async function showStates(place) {
  try {
    const found = await get("/v1/admin/health");
    fill(
      place,
      el("p", { class: `notice ${found.ready ? "good" : "bad"}` }, found.ready ? "The server is ready." : "The server cannot do its work: something that it needs does not answer."),
      table("What the server stands on", ["Part", "State"], Object.entries(found.dependencies).map(([name, state]) => [words.sentence(name), state === "ok" ? badge("ok", "Answers") : badge("failed", words.sentence(state))])),
    );
  } catch (error) {
    fill(place, failure(error, () => showStates(place)));
  }
}

async function showJobs(place) {
  const counts = await Promise.all(["running", "queued", "failed"].map(async (status) => {
    const { jobs, next_cursor } = await get("/v1/jobs", { status, limit: 100 }).catch(() => ({ jobs: [], next_cursor: null }));
    return [words.status(status), `${words.number(jobs.length)}${next_cursor ? " or more" : ""}`];
  }));
  fill(place, table("Jobs", ["Jobs", "Count#"], counts));
}

async function act(path, then) {
  try {
    then(await post(path));
  } catch (error) {
    toast(error.detail);
  }
}
