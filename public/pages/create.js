// Owns the page on which a picture is asked for and waited for.

import { accountBar, currentAccount } from "../accounts.js";
import { ApiError, call, callOnce } from "../api.js";
import { card, focusOn, h, pageHeader, pause } from "../dom.js";
import { announce, emptyState, errorPanel, load } from "../feedback.js";
import { choices, clearFaults, field, focusFault, once, showFault, showFaults } from "../forms.js";
import { credits, failure, words } from "../format.js";
import { gallery, isUnderWay, picture } from "../gallery.js";

const MOST_CHARACTERS = 2000;
// A small picture is drawn by then.
const FIRST_LOOK_SECONDS = 0.3;
// The color of the first picture, where nobody has chosen one.
const FIRST_COLOR = "vibrant";

// What was asked for and has not ended, so that whoever leaves the page and comes back finds it.
let waitedFor = null;

export function render({ signal }) {
  const result = h("div", { class: "result", role: "group", "aria-label": "Picture" }, waitingForTheFirst());
  const form = h("div", {});
  const pictures = gallery(signal);
  const choose = () => {
    pictures.refresh(false);
    // What was refused to another account is not refused to this one.
    if (result.querySelector(".error")) fill(result, waitingForTheFirst());
  };
  const bar = accountBar(choose, signal);
  load(
    form,
    async () => {
      const { body: catalog } = await call("getCatalog", { signal });
      pictures.offer(catalog);
      return requestForm(catalog, { result, bar, pictures, signal });
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

function requestForm(catalog, place) {
  const { result, bar } = place;
  const prompt = h("textarea", { name: "prompt", rows: "4", maxlength: MOST_CHARACTERS });
  const count = h("span", { class: "count" });
  const submit = h("button", { class: "primary wide" });
  const shortage = h("p", { class: "hint", hidden: true });
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
      FIRST_COLOR,
    ),
    choices(
      "size",
      "Size",
      sizes.map((item) => ({ value: item.id, content: sizeContent(item) })),
      "sizes",
    ),
    field("Prompt", prompt, count),
    submit,
    shortage,
  );
  const price = () => sizes.find((size) => size.id === new FormData(form).get("size"))?.credits ?? 0;
  const update = () => {
    count.textContent = `${prompt.value.length} of ${MOST_CHARACTERS} characters`;
    submit.textContent = `Create for ${credits(price())}`;
    const has = bar.credits();
    shortage.hidden = has === null || has >= price();
    shortage.replaceChildren(`This account has ${credits(has ?? 0)}. `, grantLink("link"));
  };
  const run = (act) =>
    once(submit, async () => {
      try {
        await act();
      } catch (error) {
        if (error.name === "AbortError") return;
        waitedFor = null;
        await refuse(error, form, place);
      }
    });
  form.addEventListener("input", update);
  bar.element.addEventListener("balance", update);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearFaults(form);
    const isChosen = bar.isChosen();
    if (!prompt.value.trim()) showFault(form, "prompt", "Say what the picture should show.");
    if (isChosen && !focusFault(form)) {
      run(() => create({ userId: currentAccount(), ...Object.fromEntries(new FormData(form)) }, place));
    }
  });
  update();
  if (waitedFor?.userId === currentAccount()) run(() => wait(waitedFor.generationRequestId, place));
  return form;
}

/** Say at the field what is wrong with a request, and in place of the picture what is wrong with no field. */
async function refuse(error, form, { result, bar }) {
  fill(result, waitingForTheFirst());
  if (error.reason === "USER_NOT_FOUND") {
    await bar.refresh();
    if (!bar.isChosen()) return;
  }
  if (showFaults(form, error)) return;
  const panel = errorPanel(error);
  if (error.reason === "INSUFFICIENT_CREDITS") panel.append(grantLink("button primary"));
  fill(result, panel);
}

const grantLink = (kind) => h("a", { class: kind, href: "#account" }, "Grant credits");

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
async function create(body, place) {
  const { result, bar, signal } = place;
  showProgress(result, "sending");
  reveal(result);
  const answer = await callOnce("createGenerationRequest", { body, headers: { Prefer: "respond-async" }, signal }, () =>
    showProgress(result, "still trying"),
  );
  const { generationRequestId, status } = answer.body;
  waitedFor = { generationRequestId, userId: body.userId };
  showProgress(result, status, { onCancel: (button) => cancel(generationRequestId, button) });
  reveal(result);
  bar.refresh();
  await wait(generationRequestId, place);
}

/** On a phone the picture is below the request. */
function reveal(result) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  result.closest(".card").scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
}

async function wait(generationRequestId, place) {
  const generation = await follow(generationRequestId, place);
  if (!generation) return;
  waitedFor = null;
  showEnd(place.result, generation);
  place.bar.refresh();
}

/** Look at a generation until it has ended; null when the page was left before. */
async function follow(generationRequestId, { result, pictures, signal }) {
  let waitSeconds = FIRST_LOOK_SECONDS;
  let lastStatus = null;
  while (!signal.aborted) {
    await pause(waitSeconds * 1000, signal);
    try {
      const { body, headers } = await call("getGenerationStatus", { query: { generationRequestId }, signal });
      if (body.status !== lastStatus) pictures.show(body);
      lastStatus = body.status;
      if (!isUnderWay(body)) return body;
      const onCancel = (button) => cancel(generationRequestId, button);
      showProgress(result, body.status, { progress: body.progress, onCancel });
      waitSeconds = Number(headers.get("Retry-After") ?? 1);
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing)) throw error;
      showProgress(result, "still trying");
      waitSeconds = error.retryAfterSeconds;
    }
  }
  return null;
}

async function cancel(generationRequestId, button) {
  button.nextElementSibling?.remove();
  try {
    await call("cancelGenerationRequest", { body: { generationRequestId } });
    button.textContent = "Cancelling …";
  } catch (error) {
    // One that has ended in the meantime shows its end by itself.
    if (error.reason !== "GENERATION_ENDED") button.after(errorPanel(error));
  }
}

const STEPS = {
  sending: "Sending the request …",
  "still trying": "The service is busy; still trying. You are charged once at most.",
  queued: "Waiting in the queue …",
  processing: "The model is drawing …",
};

/** Show a step; what is shown already stays, since the focus may be on it. */
function showProgress(result, step, { progress = 0, onCancel = null } = {}) {
  if (!result.querySelector("progress")) {
    const bar = h("progress", { max: "100", "aria-label": "Progress" });
    fill(result, h("div", { class: "progress" }, h("div", { class: "canvas" }), h("p", {}), bar));
  }
  const [text, bar, stop] = ["p", "progress", "button"].map((tag) => result.querySelector(tag));
  if (text.textContent !== STEPS[step]) announce(STEPS[step]);
  text.textContent = STEPS[step];
  // Without a value it shows that something goes on, but not how far it is.
  progress ? (bar.value = progress) : bar.removeAttribute("value");
  if (!onCancel || stop) return;
  const button = h("button", { type: "button", onclick: () => once(button, () => onCancel(button)) }, "Cancel");
  bar.after(button);
}

function showEnd(result, generation) {
  if (generation.status === "completed") {
    const charged = `Done: ${credits(generation.creditsCharged)} charged.`;
    fill(result, picture(generation), h("p", { class: "done" }, charged));
    announce(charged);
  } else {
    const title = generation.status === "cancelled" ? "Cancelled." : failure(generation.failureReason);
    const refunded = `${credits(generation.creditsRefunded)} refunded. Nothing was charged.`;
    fill(result, h("div", { class: "notice" }, h("p", { class: "error-title" }, title), h("p", {}, refunded)));
    announce(`${title} ${refunded}`);
  }
}

/** Show something else, and keep the focus there if it was there. */
function fill(result, ...content) {
  const hadFocus = result.contains(document.activeElement);
  result.replaceChildren(...content);
  if (hadFocus) focusOn(result);
}
