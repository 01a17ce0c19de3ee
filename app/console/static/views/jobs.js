// Activity: every job, newest first, and the course of one.

import { get } from "../api.js";
import { el, fill } from "../dom.js";
import { ended, follow } from "../follow.js";
import { cursorList } from "../list.js";
import { badge, empty, facts, field, loaded, select } from "../ui.js";
import * as words from "../words.js";
import { stepList } from "./steps.js";

const A_PAGE = 50;
const STATUSES = ["running", "queued", "failed", "succeeded", "cancelled"];

export function jobsView(place) {
  const status = select([["", "All"], ...STATUSES.map((each) => [each, words.status(each)])], "");
  const rows = el("div", {});
  const stops = [];
  const draw = () => {
    stops.splice(0).forEach((stop) => stop());
    fill(rows, jobList(status.value, stops));
  };
  status.addEventListener("change", draw);
  fill(place, el("div", { class: "stack" }, el("div", { class: "head" }, el("h1", {}, "Activity"), dashboardLink()), el("div", { class: "toolbar" }, field("Status", status)), rows));
  draw();
  return () => stops.forEach((stop) => stop());
}

function jobList(status, stops) {
  return cursorList("Jobs", {
    one: "job",
    many: "jobs",
    fetchPage: async (cursor) => {
      const found = await get("/v1/jobs", { status, cursor, limit: A_PAGE });
      return { items: found.jobs, next: found.next_cursor };
    },
    row: (job) => liveRow(job, stops),
    none: () => empty("Nothing to show", "Jobs appear here when documents come in, change or go."),
  });
}

function liveRow(job, stops) {
  const place = el("div", {});
  const draw = (now) => fill(place, jobRow({ ...job, ...now }));
  draw(job);
  if (!ended(job)) stops.push(follow(job.id, draw));
  return place;
}

function jobRow(job) {
  return el(
    "div", { class: "item" },
    el("a", { class: "title", href: `#/activity/${job.id}` }, words.kind(job.kind)),
    el("span", { class: "about" }, `${words.doing(job)} · ${words.when(job.created_at)}`),
    el("span", { class: "end" }, badge(job.status)),
    job.error && job.status === "failed" && el("span", { class: "why" }, job.error.detail),
  );
}

export function jobView(place, [id]) {
  let stop = null;
  let left = false;
  function load() {
    stop?.();
    return loaded(place, async () => {
      const job = await get(`/v1/jobs/${id}`);
      const course = el("section", { class: "panel", "aria-label": "Its course" });
      fill(course, stepList(job, load));
      if (!ended(job) && !left) stop = follow(id, (now) => fill(course, stepList(now, load)));
      return el(
        "div", { class: "stack" },
        el("p", {}, el("a", { href: "#/activity" }, "‹ Activity")),
        el("div", { class: "head" }, el("h1", {}, words.kind(job.kind)), dashboardLink()),
        facts([
          job.document_id && ["Document", el("a", { href: `#/documents/${job.document_id}` }, job.document_id)],
          ["Started", words.time(job.created_at)],
          ["Job", el("span", { class: "mono" }, job.id)],
        ]),
        course,
      );
    }, "Job");
  }
  load();
  return () => { left = true; stop?.(); };
}

function dashboardLink() {
  const address = document.querySelector('meta[name="cairn-dashboard"]').content;
  return address && el("a", { class: "button small", href: `${address}/runs`, target: "_blank", rel: "noopener noreferrer" }, "Inngest dashboard ↗");
}
