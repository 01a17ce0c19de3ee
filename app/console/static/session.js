// The key of who is signed in. It lives as long as the tab, is sent by nothing but our own calls, and is in no address.
// Why not a cookie: docs/adr/0035-the-console-holds-its-key.md.

const NAME = "cairn.key";

export const session = { me: null, collections: [] };

export function key() {
  return sessionStorage.getItem(NAME);
}

export function keep(secret) {
  sessionStorage.setItem(NAME, secret);
}

export function forget() {
  sessionStorage.removeItem(NAME);
  session.me = null;
}

/** Whether who is signed in has a permission such as "documents:write". */
export function may(permission) {
  return session.me !== null && session.me.permissions.includes(permission);
}

/** The key that came in the address's fragment (`#key=...`), which servers never see; it leaves the address and the history. */
export function keyFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given !== null) history.replaceState(null, "", location.pathname);
  return given;
}
