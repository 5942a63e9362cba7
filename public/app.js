// Owns the frame: which page is shown, where the focus goes, the theme, and who is signed in.
// Must not know what is on a page.

import { html, nothing, render } from "/vendor/lit-html/lit-html.js";
import { environment } from "./backend/environment.js";
import { askWith, isSignInRequired, signedIn, signIn, signOut } from "./backend/session.js";
import { pageHeader } from "./ui/elements.js";
import { errorPanel } from "./ui/feedback.js";
import { showPage } from "./ui/page.js";

/**
 * `needs` is the emulator without which a page has nothing to show, `below` the page by which it is found.
 * @type {Record<string, {title: string, needs?: string, below?: string, load: () => Promise<{make: MakePage}>}>}
 */
const PAGES = {
  create: { title: "Create", load: () => import("./pages/create/page.js") },
  account: { title: "Account", load: () => import("./pages/account/page.js") },
  accounts: { title: "Accounts", load: () => import("./pages/account/list.js"), below: "account" },
  reports: { title: "Reports", load: () => import("./pages/reports/page.js") },
  data: { title: "Data", load: () => import("./pages/data/page.js"), needs: "firestore" },
  operations: { title: "Operations", load: () => import("./pages/operations/page.js") },
};
/** @type {Record<string, string>} */
const THEMES = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const main = element("main");
const sessionButton = /** @type {HTMLButtonElement} */ (element("session"));
const { emulators } = await environment();
const offered = Object.keys(PAGES).filter((name) => !PAGES[name].needs || emulators[PAGES[name].needs]);
let leaving = new AbortController();

async function show(isFirst = false) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [name, ...rest] = location.hash.slice(1).split("/");
  const argument = rest.join("/") || null;
  const shown = name === "" ? "create" : name;
  const isOffered = offered.includes(shown);
  showNavigation(isOffered ? (PAGES[shown].below ?? shown) : "");
  if (!isOffered) return showUnknown();
  document.title = `${PAGES[shown].title} · Image generations`;
  try {
    const { make } = await PAGES[shown].load();
    if (signal.aborted) return;
    showPage(main, make, { signal, emulators, argument });
  } catch (error) {
    render(errorPanel(error, { retry: () => location.reload() }), main);
  }
  if (!isFirst) {
    main.querySelector("h1")?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function showUnknown() {
  document.title = "No such page · Image generations";
  render(html`${pageHeader("No such page", "The address is wrong, or this page is not offered here.")}`, main);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

/** @param {string} shown */
function showNavigation(shown) {
  const link = (/** @type {string} */ name) => html`
    <li>
      <a href="#${name}" class="page-${name}" aria-current=${name === shown ? "page" : nothing}>${PAGES[name].title}</a>
    </li>
  `;
  render(
    html`<ul>
      ${offered.filter((name) => !PAGES[name].below).map(link)}
    </ul>`,
    element("navigation"),
  );
}

/** Emulators do not authenticate callers unless REQUIRE_AUTH is set; then a 401 opens the form and shows the button. */
function showSession() {
  const isOptional = Boolean(emulators.functions) && !emulators.auth && !isSignInRequired();
  sessionButton.hidden = !signedIn() && isOptional;
  sessionButton.textContent = signedIn() ? `Sign out ${signedIn()?.email}` : "Sign in";
}

/** @param {string} theme */
function setTheme(theme) {
  if (theme === "system") localStorage.removeItem("theme");
  else localStorage.setItem("theme", theme);
  document.documentElement.dataset.theme = theme;
  element("theme").textContent = THEMES[theme];
  document.dispatchEvent(new Event("themechange"));
}

element("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  setTheme(names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length]);
});
sessionButton.addEventListener("click", async () => {
  if (signedIn()) {
    signOut();
    // What was chosen and asked for is not for who signs in next.
    sessionStorage.clear();
    history.replaceState(null, "", location.hash.split("/")[0] || "#");
    show();
  } else if (await signIn("With an account of this project.")) {
    show();
  }
});
document.addEventListener("sessionchange", showSession);
document.querySelector(".skip")?.addEventListener("click", (event) => {
  // The address says which page is shown, and is not for places within it.
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", () => show());
askWith(async (reason) => (await import("./ui/signin.js")).showSignIn(reason));
setTheme(document.documentElement.dataset.theme ?? "system");
showSession();
main.replaceChildren();
await show(true);
