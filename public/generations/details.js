// Owns the dialog with the facts of a generation, and what can be done with it. Must not know which page it is on.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { credits, duration, moment, visible, words } from "../format.js";
import { Copying } from "../ui/copy.js";
import { showDialog } from "../ui/dialog.js";
import { badge, factList } from "../ui/elements.js";
import { errorPanel } from "../ui/feedback.js";
import { keepForm } from "../ui/form.js";
import { answerCode, RequestCode, requestCode } from "./code.js";
import { download } from "./download.js";
import { askedOf, failure } from "./generation.js";
import { picture, pictureUrl } from "./picture.js";
import { WatchedGeneration } from "./watched.js";

/** @type {Record<Generation["status"], string>} */
const KINDS = { completed: "good", failed: "bad", cancelled: "neutral", queued: "info", processing: "info" };
/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

/**
 * Show the facts of a generation as they become, and what can be done with it; the arrow keys show its neighbours.
 * @param {Generation} first
 * @param {DetailsOffer} offered
 */
export const openDetails = (first, offered) =>
  open("picture", (dialog) => {
    const details = new Details(first, offered, dialog);
    document.addEventListener("keydown", (event) => details.press(event), { signal: dialog.signal });
    return () => {
      const { generation, cancelError, readError } = details.watched;
      const error = cancelError ?? readError;
      return [
        html`<div class="picture-frame">${picture(generation)}</div>`,
        html`<p class="prompt" dir="auto">${visible(generation.prompt)}</p>
          ${facts(generation)} ${error === undefined ? nothing : errorPanel(error)} ${actions(details)}
          ${codes(details)}`,
        [pager(details), generation.status === "queued" ? cancelButton(details.watched) : nothing],
      ];
    };
  });

/** The generation that is shown, and its neighbours. */
class Details {
  #dialog;
  #shown = new AbortController();

  /**
   * @param {Generation} first
   * @param {DetailsOffer} offered
   * @param {Dialog} dialog
   */
  constructor(first, offered, dialog) {
    this.offered = offered;
    this.#dialog = dialog;
    this.code = new RequestCode(dialog.update, "details-code");
    this.copying = new Copying(dialog.update);
    this.watched = this.#watch(first);
  }

  /** Where it stands among its neighbours, null where it is not one of them. */
  get place() {
    const items = this.offered.neighbours?.items ?? [];
    const id = this.watched.generation.generationRequestId;
    const place = items.findIndex((each) => each.generationRequestId === id);
    return place < 0 ? null : { items, place };
  }

  /** @param {number} by */
  neighbour(by) {
    return this.place?.items[this.place.place + by];
  }

  /** @param {number} by */
  step(by) {
    const next = this.neighbour(by);
    if (!next) return;
    this.watched = this.#watch(next);
    this.#dialog.update();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const by = STEPS[event.key];
    const isChord = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    // These choose a language, and scroll.
    const isUsed = event.target instanceof Element && event.target.closest("input, pre");
    if (by && !isChord && !isUsed) this.step(by);
  }

  /** @param {(asked: AskedPicture) => unknown} act */
  closeAnd(act) {
    const asked = askedOf(this.watched.generation);
    this.#dialog.close();
    act(asked);
  }

  /** @param {Generation} generation */
  #watch(generation) {
    this.#shown.abort();
    this.#shown = new AbortController();
    const signal = AbortSignal.any([this.#dialog.signal, this.#shown.signal]);
    return new WatchedGeneration(generation, { ...this.#dialog, signal });
  }
}

/** @param {Details} details */
function pager(details) {
  const { place } = details;
  if (!place) return nothing;
  const step = (/** @type {string} */ label, /** @type {number} */ by) => html`
    <button type="button" aria-disabled=${details.neighbour(by) ? nothing : "true"} @click=${() => details.step(by)}>
      ${label}
    </button>
  `;
  return html`
    <div class="pager">
      ${step("Previous", -1)} ${step("Next", 1)}
      <span class="hint" role="status">${place.place + 1} of ${place.items.length}</span>
    </div>
  `;
}

/**
 * Elsewhere than on the page of requests a form is filled in by leaving it what it keeps.
 * @param {AskedPicture} asked
 */
function useThere({ userId: _, ...values }) {
  keepForm("request", values);
  location.hash = "#create";
}

/** @param {Details} details */
function actions(details) {
  const { offered, copying } = details;
  const { generation } = details.watched;
  const { generationRequestId: id, status } = generation;
  const { retry, use = useThere } = offered;
  const url = pictureUrl(generation);
  const hasFailed = status === "failed" || status === "cancelled";
  return html`
    <div class="actions">
      ${
        retry && hasFailed
          ? html`<button type="button" class="small" @click=${() => details.closeAnd(retry)}>Try again</button>`
          : nothing
      }
      <button type="button" class="small" @click=${() => details.closeAnd(use)}>Use again</button>
      ${url ? html`<button type="button" class="small" @click=${() => download(url, id)}>Download</button>` : nothing}
      ${copying.button("Copy link", `${location.origin}/#create/${id}`)} ${copying.button("Copy id", id)}
    </div>
  `;
}

/** @param {Details} details */
const codes = ({ code, copying, watched }) => html`
  <details class="code">
    <summary>The request as code</summary>
    <div class="stack">${requestCode(code, askedOf(watched.generation))}</div>
  </details>
  <details class="code">
    <summary>The answer as JSON</summary>
    <div class="stack">${answerCode(copying, watched.generation)}</div>
  </details>
`;

/** @param {WatchedGeneration} watched */
const cancelButton = (watched) => html`
  <button type="button" aria-disabled=${watched.cancelling.disabled} @click=${() => watched.cancel()}>Cancel</button>
`;

/** @param {Generation} generation */
function facts(generation) {
  const { createdAt, startedAt, completedAt } = generation;
  const isTimed = startedAt !== null && completedAt !== null;
  return html`<dl>
    ${factList({
      Status: badge(words(generation.status), KINDS[generation.status]),
      Why: generation.failureReason && failure(generation.failureReason),
      Model: words(generation.model),
      Style: words(generation.style),
      Color: words(generation.color),
      Size: generation.size,
      Charged: credits(generation.creditsCharged),
      Refunded: generation.creditsRefunded > 0 ? credits(generation.creditsRefunded) : null,
      Asked: moment(createdAt),
      Took: isTimed ? duration(Date.parse(completedAt) - Date.parse(startedAt)) : null,
      Id: html`<code>${generation.generationRequestId}</code>`,
    })}
  </dl>`;
}

/**
 * Show why a generation could not be read.
 * @param {unknown} error
 */
export const openError = (error) => open("narrow", () => () => [nothing, errorPanel(error), nothing]);

/**
 * @param {string} kind
 * @param {(dialog: Dialog) => () => unknown[]} make Returns the view: the frame, the content and what can be done.
 */
const open = (kind, make) =>
  showDialog({ kind, labelledBy: "dialog-title", isLightDismissed: true }, (dialog) => {
    const view = make(dialog);
    return () => {
      const [frame, content, action] = view();
      return html`
        ${frame}
        <div class="stack">
          <h2 id="dialog-title">Generation</h2>
          ${content}
          <div class="actions end">
            ${action}
            <button type="button" @click=${dialog.close}>Close</button>
          </div>
        </div>
      `;
    };
  });
