// Owns the page on which a picture is asked for and waited for.

import { accountBar, currentAccount } from "../accounts.js";
import { ApiError, call, callOnce } from "../api.js";
import { card, choices, field, h, pageHeader, pause } from "../dom.js";
import { announce, clearFaults, emptyState, errorPanel, load, showFaults } from "../feedback.js";
import { credits, words } from "../format.js";
import { gallery, picture } from "../gallery.js";

const MOST_CHARACTERS = 2000;
// A small picture is drawn by then.
const FIRST_LOOK_SECONDS = 0.3;

export function render({ signal }) {
  const result = h("div", { class: "result" }, waitingForTheFirst());
  const form = h("div", {});
  const pictures = gallery(signal);
  const bar = accountBar(() => pictures.refresh(), signal);
  const refresh = () => Promise.all([bar.refresh(), pictures.refresh()]);
  load(
    form,
    async () => {
      const { body: catalog } = await call("getCatalog", { signal });
      pictures.offer(catalog);
      return requestForm(catalog, result, bar, refresh, signal);
    },
    { lines: 8, signal },
  );
  return [
    pageHeader("Create", "Pick how it should look, say what it should show."),
    bar.element,
    h("div", { class: "columns" }, card("Request", form), card("Picture", result)),
    pictures.element,
  ];
}

const waitingForTheFirst = () => emptyState("Nothing yet", "The picture appears here.");

function requestForm(catalog, result, bar, refresh, signal) {
  const prompt = h("textarea", { name: "prompt", rows: "4", required: true, maxlength: MOST_CHARACTERS });
  const count = h("span", { class: "count" });
  const submit = h("button", { class: "primary wide" });
  const sizes = [...catalog.sizes].sort((one, other) => one.credits - other.credits);
  const form = h(
    "form",
    { class: "stack", novalidate: true },
    choices(
      "model",
      "Model",
      catalog.models.map((item) => ({ value: item.id, content: item.name })),
      "segments",
    ),
    choices(
      "style",
      "Style",
      catalog.styles.map((item) => ({ value: item.id, content: words(item.name) })),
      "chips",
    ),
    choices(
      "color",
      "Color",
      catalog.colors.map((item) => ({ value: item.id, content: swatch(item) })),
      "swatches",
    ),
    choices(
      "size",
      "Size",
      sizes.map((item) => ({ value: item.id, content: sizeContent(item) })),
      "sizes",
    ),
    field("Prompt", prompt, count),
    submit,
  );
  const price = () => sizes.find((size) => size.id === new FormData(form).get("size"))?.credits ?? 0;
  const update = () => {
    count.textContent = `${prompt.value.length} of ${MOST_CHARACTERS} characters`;
    submit.textContent = `Create for ${credits(price())}`;
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled || !bar.isChosen()) return;
    clearFaults(form);
    submit.disabled = true;
    try {
      const body = { userId: currentAccount(), ...Object.fromEntries(new FormData(form)) };
      await create(body, result, refresh, signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      showFaults(form, error);
      result.replaceChildren(errorPanel(error));
    } finally {
      submit.disabled = false;
    }
  });
  update();
  return form;
}

function swatch(item) {
  return [h("span", { class: "swatch", "data-color": item.id }), h("span", {}, words(item.name))];
}

function sizeContent(size) {
  const shape = h("span", { class: "shape", "aria-hidden": "true" });
  shape.style.aspectRatio = `${size.width} / ${size.height}`;
  shape.style.height = `${(28 * size.height) / 1792 + 6}px`;
  return [
    h("span", { class: "shape-box" }, shape),
    h("span", { class: "size-name" }, `${size.width} × ${size.height}`),
    h("span", { class: "price" }, credits(size.credits)),
  ];
}

/** Ask for a picture, show how it gets on, and how it ends. */
async function create(body, result, refresh, signal) {
  showProgress(result, { status: "sending", progress: 0 });
  const answer = await callOnce("createGenerationRequest", { body, headers: { Prefer: "respond-async" }, signal }, () =>
    showProgress(result, { status: "still trying", progress: 0 }),
  );
  showProgress(result, answer.body, () => cancel(answer.body, result));
  refresh();
  const generation = await follow(answer.body.generationRequestId, result, signal);
  if (!generation) return;
  showEnd(result, generation);
  refresh();
}

/** Look at a generation until it has ended; null when the page was left before. */
async function follow(generationRequestId, result, signal) {
  let waitSeconds = FIRST_LOOK_SECONDS;
  while (!signal.aborted) {
    await pause(waitSeconds * 1000, signal);
    try {
      const { body, headers } = await call("getGenerationStatus", { query: { generationRequestId }, signal });
      if (!["queued", "processing"].includes(body.status)) return body;
      showProgress(result, body, () => cancel(body, result));
      waitSeconds = Number(headers.get("Retry-After") ?? 1);
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing)) throw error;
      showProgress(result, { status: "still trying", progress: 0 });
      waitSeconds = error.retryAfterSeconds;
    }
  }
  return null;
}

async function cancel({ generationRequestId }, result) {
  try {
    await call("cancelGenerationRequest", { body: { generationRequestId } });
  } catch (error) {
    // One that has ended in the meantime shows its end by itself.
    if (error.reason !== "GENERATION_ENDED") result.replaceChildren(errorPanel(error));
  }
}

const STEPS = {
  sending: "Sending the request …",
  "still trying": "The service is busy; still trying. You are charged once at most.",
  queued: "Waiting in the queue …",
  processing: "The model is drawing …",
};

function showProgress(result, { status, progress }, onCancel = null) {
  if (result.dataset.status === status && result.querySelector(".progress")) return;
  result.dataset.status = status;
  const bar = h("progress", { max: "100", "aria-label": "Progress", ...(progress ? { value: progress } : {}) });
  const stop = onCancel && h("button", { type: "button", onclick: onCancel }, "Cancel");
  result.replaceChildren(
    h("div", { class: "progress" }, h("div", { class: "canvas" }), h("p", {}, STEPS[status]), bar, stop),
  );
  announce(STEPS[status]);
}

function showEnd(result, generation) {
  result.dataset.status = generation.status;
  const refunded = `${credits(generation.creditsRefunded)} refunded. Nothing was charged.`;
  if (generation.status === "completed") {
    const charged = `Done: ${credits(generation.creditsCharged)} charged.`;
    result.replaceChildren(picture(generation), h("p", { class: "done" }, charged));
    announce(charged);
  } else {
    const title =
      generation.status === "cancelled" ? "Cancelled" : `The model failed: ${words(generation.failureReason ?? "")}`;
    result.replaceChildren(
      h("div", { class: "notice" }, h("p", { class: "error-title" }, title), h("p", {}, refunded)),
    );
    announce(`${title}. ${refunded}`);
  }
}
