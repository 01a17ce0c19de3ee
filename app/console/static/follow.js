// Jobs as they go. A browser holds six connections to a server: three jobs are followed at a time, the others in turn, from
// their beginning. A broken stream goes on after the last event that came.

import { Problem, pause, request } from "./api.js";
import { events } from "./sse.js";

const AT_ONCE = 3;
const LONGEST_WAIT_MS = 15_000;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

const waiting = [];
let streams = 0;

export const ended = (job) => ENDED.has(job.status);

/**
 * Calls `onChange(job, event)` with the job's state after each event: {id, run, status, steps, progress, error, connected}; `event` is
 * null where only the connection changed. Returns what stops it.
 */
export function follow(jobId, onChange) {
  const stop = new AbortController();
  waiting.push({ jobId, onChange, signal: stop.signal });
  begin();
  return () => stop.abort();
}

function begin() {
  while (streams < AT_ONCE && waiting.length) {
    const next = waiting.shift();
    if (next.signal.aborted) continue;
    streams += 1;
    run(next).finally(() => {
      streams -= 1;
      begin();
    });
  }
}

async function run({ jobId, onChange, signal }) {
  const job = { id: jobId, run: 1, status: "queued", steps: [], progress: null, error: null, connected: true };
  let last = "";
  for (let broken = 0; !signal.aborted; ) {
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const response = await request("GET", `/v1/jobs/${jobId}/events`, { headers, signal });
      if (!job.connected) onChange(Object.assign(job, { connected: true }), null);
      for await (const event of events(response)) {
        if (signal.aborted) return;
        if (event.name === "error") throw new Problem(event.data);
        last = event.id || last;
        broken = 0;
        onChange(after(job, event), event);
      }
      if (ended(job)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) {
        onChange(Object.assign(job, { status: "gone", error: { code: error.code, detail: error.detail } }), null);
        return;
      }
    }
    broken += 1;
    if (broken > 1) onChange(Object.assign(job, { connected: false }), null);
    await pause(Math.min(500 * 2 ** broken, LONGEST_WAIT_MS), signal);
  }
}

/** The job after an event of its history. */
export function after(job, { name, data }) {
  const step = data.step && stepOf(job, data.step);
  if (name === "job.queued") Object.assign(job, { run: data.run, status: "queued", steps: [], progress: null, error: null });
  else if (name.startsWith("job.")) {
    const failed = name !== "job.succeeded";
    Object.assign(job, { status: name.slice(4), progress: null, error: data.code ? { code: data.code, detail: data.detail } : null });
    if (failed) for (const each of job.steps) if (each.status !== "succeeded") each.status = "failed";
  } else {
    job.status = "running";
    if (name === "step.started") {
      Object.assign(step, { status: "running", attempts: data.attempt, started_at: data.at, ended_at: null, retry_at: null });
      job.progress = null;
    } else if (name === "step.completed") {
      Object.assign(step, { status: "succeeded", output: data.output, ended_at: data.at });
      job.error = null;
    } else if (name === "step.retrying" || name === "step.failed") {
      Object.assign(step, { status: name.slice(5), ended_at: data.at, retry_at: data.retry_at || null });
      job.error = { code: data.code, detail: data.detail };
    } else if (name === "step.progress") job.progress = data;
  }
  return job;
}

function stepOf(job, id) {
  let step = job.steps.find((each) => each.id === id);
  if (!step) {
    step = { id, status: "running", attempts: 1, started_at: null, ended_at: null, retry_at: null, output: null };
    job.steps.push(step);
  }
  return step;
}
