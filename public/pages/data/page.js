// Owns the page that shows what the embedded Firestore holds, as a tree that follows every change. It only reads.
// Must not know any other page.

import { html } from "/vendor/lit-html/lit-html.js";
import { repeat } from "../../backend/timing.js";
import { pageHeader } from "../../ui/elements.js";
import { emptyState, errorPanel, skeleton } from "../../ui/feedback.js";
import { collectionsView } from "./branches.js";
import { Collections } from "./tree.js";

const LIVE_MILLISECONDS = 1500;

/** @type {MakePage} */
export function make(page) {
  const root = new Collections(page.update, "");
  const state = { isLive: true, error: /** @type {unknown} */ (null) };
  repeat(LIVE_MILLISECONDS, page.signal, async () => {
    try {
      await root.refresh();
      state.isLive = true;
    } catch (error) {
      state.isLive = false;
      state.error = error;
    }
    page.update();
  });
  const live = () => html`
    <p class=${state.isLive ? "live" : "live stale"} role="status">${state.isLive ? "Live" : "Not live"}</p>
  `;
  return () => html`
    ${pageHeader("Data", "What the embedded Firestore holds. It follows every change, and changes nothing.", live())}
    <div class="card tree">${tree(root, state.error)}</div>
  `;
}

/**
 * @param {Collections} root
 * @param {unknown} error
 */
function tree(root, error) {
  if (root.shown) {
    return root.shown.length > 0 ? collectionsView(root.shown) : emptyState("Empty", "There is no document yet.");
  }
  return error ? errorPanel(error) : skeleton(6);
}
