// Owns the frame: which page is shown, where the focus goes, the theme, and who is signed in. Must not know any page.

import { forgetAccount } from "./accounts.js";
import { h } from "./dom.js";
import { environment } from "./environment.js";
import { errorPanel } from "./feedback.js";
import { isSignInRequired, signedIn, signIn, signOut } from "./session.js";

// `needs` is the emulator without which a page has nothing to show.
const PAGES = {
  create: { title: "Create", module: "./pages/create.js" },
  account: { title: "Account", module: "./pages/account.js" },
  reports: { title: "Reports", module: "./pages/reports.js" },
  data: { title: "Data", module: "./pages/data.js", needs: "firestore" },
  operations: { title: "Operations", module: "./pages/operations.js" },
};
const THEMES = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };

const main = document.getElementById("main");
let leaving = new AbortController();

async function show(isFirst = false) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { emulators } = await environment();
  const name = location.hash.slice(1).split("/")[0];
  const page = PAGES[name] && (!PAGES[name].needs || emulators[PAGES[name].needs]) ? name : "create";
  for (const link of document.querySelectorAll("#navigation a")) {
    link.hash === `#${page}` ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  document.title = `${PAGES[page].title} · Image generations`;
  try {
    const { render } = await import(PAGES[page].module);
    if (signal.aborted) return;
    main.replaceChildren(...render({ signal, emulators, argument: location.hash.split("/")[1] ?? null }));
  } catch (error) {
    main.replaceChildren(errorPanel(error, () => location.reload()));
  }
  if (!isFirst) {
    main.querySelector("h1")?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

async function showNavigation() {
  const { emulators } = await environment();
  const links = Object.entries(PAGES)
    .filter(([, page]) => !page.needs || emulators[page.needs])
    .map(([name, page]) => h("li", {}, h("a", { href: `#${name}`, class: `page-${name}` }, page.title)));
  document.getElementById("navigation").replaceChildren(h("ul", {}, links));
}

/** Emulators ask nobody who calls, unless they are told to; then a 401 brings the form, and the button as well. */
async function showSession() {
  const { emulators } = await environment();
  const button = document.getElementById("session");
  const isOptional = Boolean(emulators.functions) && !emulators.auth && !isSignInRequired();
  button.hidden = !signedIn() && isOptional;
  button.textContent = signedIn() ? `Sign out ${signedIn().email}` : "Sign in";
}

function setTheme(theme) {
  theme === "system" ? localStorage.removeItem("theme") : localStorage.setItem("theme", theme);
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = THEMES[theme];
  document.dispatchEvent(new Event("themechange"));
}

document.getElementById("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  setTheme(names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length]);
});
document.getElementById("session").addEventListener("click", async () => {
  if (signedIn()) {
    signOut();
    forgetAccount();
    show();
  } else if (await signIn("With an account of this project.")) {
    show();
  }
});
document.addEventListener("sessionchange", showSession);
document.querySelector(".skip").addEventListener("click", (event) => {
  // The address says which page is shown, and is not for places within it.
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", () => show());
setTheme(document.documentElement.dataset.theme);
await showNavigation();
await showSession();
await show(true);
