// Calls of the REST API. Whatever goes wrong is a Problem, with words for people.

import { key } from "./session.js";

const TRIES = 3;

/** The window's event when a key that opened does not any more. */
export const REFUSED = "cairn-refused";

export class Problem extends Error {
  constructor({ status = 0, code = "unreachable", title = "", detail = "", retryAfter = 0 }) {
    super(detail || title);
    Object.assign(this, { status, code, title, detail, retryAfter });
  }
}

export const UNREACHABLE = "The server cannot be reached. Check your connection, then try again.";

/** The parsed answer, or null where there is none. Raises Problem. */
export async function call(method, path, { query, body, headers = {}, signal } = {}) {
  const response = await request(method, path, { query, body, headers, signal });
  if (response.status === 204) return null;
  const type = response.headers.get("content-type") || "";
  return type.startsWith("application/json") ? response.json() : response.text();
}

export const get = (path, query, options = {}) => call("GET", path, { query, ...options });
export const post = (path, body, options = {}) => call("POST", path, { body, ...options });
export const patch = (path, body) => call("PATCH", path, { body });
export const put = (path, body) => call("PUT", path, { body });
export const remove = (path, query) => call("DELETE", path, { query });

/** The answer as it comes. Raises Problem. */
export async function request(method, path, { query, body, headers = {}, signal } = {}) {
  const sent = { Authorization: `Bearer ${key()}`, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path + search(query), {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      credentials: "omit",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: UNREACHABLE });
  }
  if (response.status === 401) window.dispatchEvent(new Event(REFUSED));
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** What the server said went wrong. */
export async function problemOf(response) {
  const said = await response.json().catch(() => ({}));
  return problem(response.status, said, response.headers.get("retry-after"));
}

/** Sends one file; `onProgress` is told the share that is sent, 0 to 1. Raises Problem. */
export async function upload(file, fields, onProgress = () => {}) {
  const idempotency = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sendOnce(file, fields, idempotency, onProgress);
    } catch (error) {
      const again = error.status === 0 || error.status === 429 || error.status === 503;
      if (!again || attempt === TRIES) throw error;
      await pause(1000 * Math.max(error.retryAfter, attempt));
    }
  }
}

export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

// Fetch cannot say how much of a body is sent.
function sendOnce(file, fields, idempotency, onProgress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", "/v1/documents");
    sending.setRequestHeader("Authorization", `Bearer ${key()}`);
    sending.setRequestHeader("Idempotency-Key", idempotency);
    sending.responseType = "json";
    sending.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    sending.onerror = () => reject(new Problem({ detail: UNREACHABLE }));
    sending.onload = () => {
      const said = sending.response || {};
      if (sending.status < 300) resolve(said);
      else reject(problem(sending.status, said, sending.getResponseHeader("retry-after")));
    };
    sending.send(form);
  });
}

function problem(status, said, retryAfter) {
  const title = said.title || `The server answered ${status}.`;
  return new Problem({ status, code: said.code || "unknown", title, detail: said.detail || title, retryAfter: Number(retryAfter) || 0 });
}

function search(query) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query || {})) {
    for (const each of [value].flat()) if (each !== null && each !== undefined && each !== "") given.append(name, each);
  }
  const text = given.toString();
  return text ? `?${text}` : "";
}
