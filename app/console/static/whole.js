// While a release is rolled out, servers of two releases answer under one address, and who is asked for a file of this page may
// not have it. Then the page loads again, until all of it comes from one release. It comes before all else, to hear what fails.

const WAIT_MS = 2000;
const MOST = 60;
const TRIES = "cairn.tries";

let missing = false;

addEventListener(
  "error",
  ({ target }) => {
    missing ||= target instanceof HTMLScriptElement || target instanceof HTMLLinkElement;
  },
  true,
);

addEventListener("load", () => {
  const tries = Number(sessionStorage.getItem(TRIES)) + 1;
  const again = missing && tries <= MOST;
  if (again) sessionStorage.setItem(TRIES, tries);
  else sessionStorage.removeItem(TRIES);
  if (!missing) return;
  document.getElementById("main").textContent = again
    ? "Cairn is being updated. This page loads again by itself."
    : "A part of this page is missing. Load it again, or ask your operator.";
  if (again) setTimeout(() => location.reload(), WAIT_MS);
});
