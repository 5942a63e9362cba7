// Owns waiting and polling, both until a signal ends them. Must not know what is waited for.

/**
 * Call `run` now and every so many milliseconds while the page is visible, until `signal` is aborted.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @param {() => Promise<unknown>} run
 */
export async function repeat(milliseconds, signal, run) {
  while (!signal.aborted) {
    if (!document.hidden) await run();
    await pause(milliseconds, signal);
  }
}

/**
 * Wait, at most until `signal` is aborted.
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal?.addEventListener("abort", end, { once: true });
  });
}
