// Owns when what is shown is read again: after a change that the console made in this tab or in another one, when the
// page is looked at again, and now and then. Must not know what is read.

import { environment } from "./environment.js";

// A look at an account is one call and two document reads. On a developer's machine they cost nothing; deployed, an
// hour of looking costs 60 calls and 120 reads. A tab that is not visible does not look.
const EMULATED_MILLISECONDS = 2000;
const DEPLOYED_MILLISECONDS = 60_000;
const MOST_MILLISECONDS = 300_000;

const here = new EventTarget();
const otherTabs = new BroadcastChannel("changes");
otherTabs.addEventListener("message", () => here.dispatchEvent(new Event("change")));

/** Say that a call may have changed what is shown, in any tab. */
export function tellChange() {
  here.dispatchEvent(new Event("change"));
  otherTabs.postMessage(null);
}

/**
 * Call `look` after a change, and when the page is visible or online again, until `signal` is aborted.
 * @param {AbortSignal} signal
 * @param {() => unknown} look
 */
export function whenChanged(signal, look) {
  const lookIfVisible = () => {
    if (!document.hidden) look();
  };
  here.addEventListener("change", lookIfVisible, { signal });
  document.addEventListener("visibilitychange", lookIfVisible, { signal });
  addEventListener("online", lookIfVisible, { signal });
}

/**
 * As `whenChanged`, and at an interval while the page is visible: twice as long after each failure.
 * @param {AbortSignal} signal
 * @param {() => Promise<unknown>} read
 */
export async function follow(signal, read) {
  const { emulators } = await environment();
  const usual = emulators.firestore ? EMULATED_MILLISECONDS : DEPLOYED_MILLISECONDS;
  let failures = 0;
  let timer = 0;
  const look = oneAtATime(async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    try {
      if (!document.hidden) await read();
      failures = 0;
    } catch {
      failures++;
    }
    timer = setTimeout(look, Math.min(usual * 2 ** failures, MOST_MILLISECONDS));
  });
  signal.addEventListener("abort", () => clearTimeout(timer));
  whenChanged(signal, look);
  timer = setTimeout(look, usual);
}

/**
 * Single flight: asked for while it is under way, `read` is called once more after that.
 * @param {() => Promise<unknown>} read It does not throw.
 */
export function oneAtATime(read) {
  let isReading = false;
  let isDue = false;
  return async () => {
    isDue = true;
    if (isReading) return;
    isReading = true;
    while (isDue) {
      isDue = false;
      await read();
    }
    isReading = false;
  };
}
