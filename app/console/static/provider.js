// Signing in with the organisation's identity provider: an authorization code with PKCE (RFC 6749, RFC 7636). Our server asks for
// the tokens; the page speaks to nobody else.

import { Problem, get, post } from "./api.js";
import { keep } from "./session.js";

const BEGUN = "cairn.begun";
const RENEWAL = "cairn.renewal";
const EARLY_S = 60; // before a token ends

export function offered() {
  return document.querySelector('meta[name="cairn-provider"]').content === "yes";
}

/** Leaves for the provider, which sends the browser back here. Raises Problem. */
export async function leave() {
  if (!crypto.subtle) throw new Problem({ detail: "Your browser signs in elsewhere only from an address that begins with https." });
  const { authorization_url: url, client_id, scope } = await get("/v1/sign-in");
  const begun = { state: random(), verifier: random() };
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(begun.verifier)));
  sessionStorage.setItem(BEGUN, JSON.stringify(begun));
  const address = new URL(url);
  const asked = { response_type: "code", client_id, scope, redirect_uri: home(), state: begun.state, code_challenge: base64url(digest), code_challenge_method: "S256" };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  location.assign(address);
}

/** Whether the provider sent the browser back; then the token is kept. Raises Problem. */
export async function returned() {
  const said = new URLSearchParams(location.search);
  if (!said.has("state")) return false;
  history.replaceState(null, "", location.pathname); // a code opens once, and is nobody else's to see
  const begun = JSON.parse(sessionStorage.getItem(BEGUN) ?? "{}");
  sessionStorage.removeItem(BEGUN);
  if (said.get("state") !== begun.state) throw new Problem({ detail: "This signing in was not begun in this tab. Begin again." });
  if (!said.has("code")) throw new Problem({ detail: said.get("error_description") ?? said.get("error") ?? "The identity provider let nobody in." });
  take(await post("/v1/sign-in", { code: said.get("code"), code_verifier: begun.verifier, redirect_uri: home() }));
  return true;
}

/** Gets the next token before this one ends, for as long as the provider gives one. */
export function renew() {
  const { refresh, ends } = JSON.parse(sessionStorage.getItem(RENEWAL) ?? "{}");
  if (!refresh) return;
  setTimeout(async () => {
    try {
      take(await post("/v1/sign-in/renew", { refresh_token: refresh }));
    } catch (error) {
      if (error.status === 401) return sessionStorage.removeItem(RENEWAL); // the next call finds out, and says so
    }
    renew();
  }, Math.max(5_000, ends - Date.now() - EARLY_S * 1000));
}

export function forget() {
  sessionStorage.removeItem(RENEWAL);
}

function take({ token, expires_in_s: lasting, refresh_token: refresh }) {
  keep(token);
  sessionStorage.setItem(RENEWAL, JSON.stringify({ refresh, ends: Date.now() + lasting * 1000 }));
}

function home() {
  return `${location.origin}/`;
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
