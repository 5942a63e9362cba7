// Owns what the page knows of where it runs: the project, and the emulators that only a developer's machine has.
// Must not know any page.

/** @type {Promise<Environment> | null} */
let loading = null;

/** What Firebase Hosting says of the project; `emulators` has addresses such as 127.0.0.1:8080, none when deployed. */
export function environment() {
  loading ??= fetch("/__/firebase/init.json")
    .then((response) => (response.ok ? response.json() : {}))
    .catch(() => ({}))
    .then((found) => ({ emulators: {}, ...found }));
  return loading;
}
