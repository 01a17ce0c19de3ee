// A job's steps as people read them: what each did, how long it took, how often it was tried, and what went wrong.

import { post } from "../api.js";
import { el } from "../dom.js";
import { may } from "../session.js";
import { badge, button, toast } from "../ui.js";
import * as words from "../words.js";

const SIGNS = { succeeded: "✓", running: "…", retrying: "↻", failed: "!" };

/** The steps of a job; `again` is called after a retry was accepted. */
export function stepList(job, again) {
  const { progress } = job;
  const over = ["failed", "cancelled"].includes(job.status);
  return el(
    "div", { class: "stack" },
    el("div", { class: "head" }, el("p", {}, words.doing(job)), badge(job.status)),
    job.connected === false && el("p", { class: "notice warn" }, "The connection was lost. It is being taken up again where it broke."),
    job.run > 1 && el("p", { class: "soft small" }, `Run ${job.run}: it was started again by hand.`),
    job.error && el("p", { class: over ? "notice bad" : "notice warn" }, job.error.detail, " ", el("span", { class: "mono" }, job.error.code)),
    progress && progress.total > 0 && job.status === "running" && el(
      "div", {},
      el("progress", { class: "bar", max: progress.total, value: progress.done, "aria-label": "Progress of this step" }),
      el("p", { class: "soft small" }, `${words.number(progress.done)} of ${words.number(progress.total)} ${progress.unit}`, progress.eta_s ? `, about ${words.seconds(progress.eta_s * 1000)} left` : ""),
    ),
    job.steps.length > 0 && el("ol", { class: "steps" }, job.steps.map((step) => stepRow(step, job))),
    over && may("documents:write") && el("div", {}, button("Try again", () => retry(job, again), { class: "main" })),
  );
}

function stepRow(step, job) {
  const took = step.started_at && step.ended_at ? new Date(step.ended_at) - new Date(step.started_at) : null;
  const tried = step.attempts > 1 ? `tried ${words.count(step.attempts, "time")}` : "";
  const next = step.status === "retrying" && step.retry_at ? `again ${words.when(step.retry_at)}` : "";
  const wrong = ["failed", "retrying"].includes(step.status) ? (job.error?.detail ?? "") : "";
  const said = [words.output(step.output), tried, next, wrong].filter(Boolean).join("; ");
  return el(
    "li", { class: `step ${step.status}` },
    el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[step.status]),
    el("span", {}, words.step(step.id, step.status === "succeeded"), el("span", { class: "unseen" }, `: ${words.status(step.status)}`)),
    el("span", { class: "took" }, took === null ? "" : words.seconds(took)),
    el("span", { class: "said" }, said),
  );
}

async function retry(job, again) {
  try {
    await post(`/v1/jobs/${job.id}/retry`);
    again();
  } catch (error) {
    toast(error.detail);
  }
}
