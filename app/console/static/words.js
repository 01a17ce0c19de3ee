// The product's words for people: statuses, steps, kinds of jobs, times and sizes.

const STEPS = {
  "parse-document": ["Reading the pages", "Read the pages"],
  "redact-pii": ["Hiding personal data", "Hid personal data"],
  "chunk-document": ["Cutting it into passages", "Cut it into passages"],
  "embed-batch": ["Working out what passages mean", "Worked out what passages mean"],
  "upsert-index": ["Putting passages into the index", "Put passages into the index"],
  "activate-version": ["Making it answer", "Made it answer"],
  "invalidate-caches": ["Refreshing kept answers", "Refreshed kept answers"],
  "clean-up": ["Tidying up", "Tidied up"],
};
const KINDS = {
  "ingest-document": "Add a document",
  "delete-document": "Delete a document",
  "reindex-collection": "Rebuild a collection's index",
  "reconcile-tenant": "Compare indexes with the catalog",
  "sync-source": "Look through a folder",
  "unpack-bundle": "Unpack an archive",
  "evaluate-collection": "Ask the golden questions",
};
const TONES = {
  ready: "good", succeeded: "good", verified: "good", ok: "good", processing: "busy", running: "busy", updating: "busy",
  queued: "", pending: "busy", cancelled: "", failed: "bad", gone: "", retrying: "warn",
};
const STATUSES = {
  ready: "Ready", processing: "Preparing", updating: "Updating", failed: "Failed", queued: "Waiting its turn", running: "Under way",
  succeeded: "Done", cancelled: "Cancelled", gone: "Gone", pending: "Being searched for", verified: "Verified",
};
const ENTITIES = {
  EMAIL_ADDRESS: "E-mail addresses", PHONE_NUMBER: "Phone numbers", CREDIT_CARD: "Card numbers", IBAN_CODE: "Bank accounts (IBAN)",
  US_SSN: "US social security numbers", PERSON: "Names of people", IP_ADDRESS: "IP addresses", LOCATION: "Places",
};

export const tone = (status) => TONES[status] ?? "";
export const status = (value) => STATUSES[value] ?? sentence(value);
export const kind = (value) => KINDS[value] ?? sentence(value);
export const entity = (value) => ENTITIES[value] ?? sentence(value.toLowerCase());

/** What a step does, or did. */
export function step(id, done = false) {
  const [, name, number] = /^(.*?)(?:-(\d+))?$/.exec(id);
  const words = STEPS[name];
  const text = words ? words[done ? 1 : 0] : sentence(name);
  return number === undefined || number === "0" ? text : `${text}, part ${Number(number) + 1}`;
}

/** What a job is doing, in a line. */
export function doing(job) {
  if (job.status !== "running") return status(job.status);
  const current = job.steps.findLast((each) => each.status !== "succeeded") ?? job.steps.at(-1);
  if (!current) return status(job.status);
  if (current.status === "retrying") return `${step(current.id)}: trying again${current.retry_at ? ` ${when(current.retry_at)}` : ""}`;
  const { progress } = job;
  return progress && progress.total > 1 && current.status === "running"
    ? `${step(current.id)}: ${number(progress.done)} of ${number(progress.total)} ${progress.unit}`
    : step(current.id);
}

const UNSAID = new Set(["blob_key", "sha256", "ms", "batch_size", "replaced", "retired_versions"]);
const UNITS = { count: "passages", chunks: "passages", redacted: "places", entries: "entries" };

/** What a step put out, in a line. */
export function output(given) {
  const left = Object.entries(given ?? {}).filter(([name, value]) => !UNSAID.has(name) && value !== "" && value !== 0);
  return left.map(([name, value]) => {
    const unit = UNITS[name] ?? (ENTITIES[name] ?? name.replaceAll("_", " ")).replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
    return `${typeof value === "number" ? number(value) : value} ${unit}`;
  }).join(", ");
}

export function sentence(value) {
  const text = String(value).replaceAll(/[-_]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const number = (value) => new Intl.NumberFormat().format(value);

export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

export function bytes(value) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let at = 0;
  for (; value >= 1000 && at < units.length - 1; at += 1) value /= 1000;
  return `${at ? value.toPrecision(value < 10 ? 2 : 3) : value} ${units[at]}`;
}

export function seconds(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 90_000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.round(milliseconds / 60_000)} min`;
}

export function day(value) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(new Date(value));
}

export function time(value) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
}

/** "in 3 minutes", "2 hours ago". */
export function when(value) {
  const apart = (new Date(value) - Date.now()) / 1000;
  const said = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const [unit, size] of [["day", 86_400], ["hour", 3_600], ["minute", 60]]) {
    if (Math.abs(apart) >= size) return said.format(Math.round(apart / size), unit);
  }
  return said.format(Math.round(apart), "second");
}
