// Owns how generations look: one picture, and the filtered list of an account's. Must not know how they are asked for.

import { currentAccount } from "./accounts.js";
import { call } from "./api.js";
import { card, h, repeat } from "./dom.js";
import { badge, emptyState, errorPanel, load, moreButton } from "./feedback.js";
import { credits, duration, failure, moment, words } from "./format.js";
import { field, once } from "./forms.js";

const PAGE_SIZE = 12;
const FOLLOW_MILLISECONDS = 2000;
const STATUSES = ["queued", "processing", "completed", "failed", "cancelled"];
const FILTERS = { status: "Status", model: "Model", style: "Style", color: "Color", size: "Size" };
// As the page's security policy allows; a picture from elsewhere is not asked for.
const ORIGINS = /^(https:\/\/firebasestorage\.googleapis\.com|http:\/\/(127\.0\.0\.1|localhost)(:\d+)?)$/;

/** The picture of a generation, or what stands in its place. */
export function picture(generation, isSmall = false) {
  const url = URL.parse(generation.imageUrl ?? "", location.href);
  if (generation.imageUrl && url && (url.origin === location.origin || ORIGINS.test(url.origin))) {
    const [width, height] = generation.size.split("x");
    return h("img", { src: url.href, alt: alternative(generation), width, height, loading: isSmall ? "lazy" : null });
  }
  const text = generation.imageUrl ? "Picture not available here" : words(generation.status);
  return h("span", { class: "no-picture", "data-status": generation.status }, text);
}

/** Whether a generation has not ended yet. */
export const isUnderWay = ({ status }) => status === "queued" || status === "processing";

const alternative = ({ model, style, color, size }) =>
  `${words(style)} picture in ${words(color).toLowerCase()} colors by ${words(model)}, ${size}`;

/** `{element, refresh, show, offer}`: `show` is told how a generation is now, `offer` what can be filtered by. */
export function gallery(signal) {
  const selects = Object.fromEntries(
    Object.keys(FILTERS).map((name) => [name, h("select", { name }, h("option", { value: "" }, "Any"))]),
  );
  const filters = h(
    "form",
    { class: "filters" },
    Object.entries(selects).map(([name, select]) => field(FILTERS[name], select)),
  );
  const list = h("div", { class: "stack" });
  const element = card("Gallery", filters, list);
  // The tiles that are shown, by the id of the generation, and those of them that will change by themselves.
  const tiles = new Map();
  const underWay = new Set();
  const chosen = () => Object.fromEntries(new FormData(filters));
  const isFiltered = () => Object.values(chosen()).some(Boolean);
  const page = (pageToken) =>
    call("listGenerationRequests", {
      query: { userId: currentAccount(), pageSize: PAGE_SIZE, pageToken, ...chosen() },
      signal,
    });

  async function firstPage() {
    if (!currentAccount()) return emptyState("No account chosen", "Choose one above to see its pictures.");
    const { body } = await page();
    tiles.clear();
    underWay.clear();
    if (body.generations.length > 0) return pagesFrom(body);
    return isFiltered()
      ? emptyState("Nothing fits", "No generation fits all of these filters.")
      : emptyState("No pictures yet", "What this account creates is kept here.");
  }

  function pagesFrom(body) {
    const grid = h("ul", { class: "gallery" });
    const foot = h("div", { class: "more" });
    const append = ({ generations, nextPageToken }) => {
      grid.append(...generations.map(item));
      foot.replaceChildren(...(nextPageToken ? [moreButton(() => more(nextPageToken))] : []));
    };
    const more = async (pageToken) => {
      const shown = grid.childElementCount;
      try {
        append((await page(pageToken)).body);
        grid.children[shown]?.firstChild.focus();
      } catch (error) {
        foot.replaceChildren(errorPanel(error, () => more(pageToken)));
      }
    };
    append(body);
    return [grid, foot];
  }

  function item(generation) {
    const { generationRequestId: id } = generation;
    const place = tiles.get(id) ?? h("li", {});
    const hadFocus = place.contains(document.activeElement);
    tiles.set(id, place);
    isUnderWay(generation) ? underWay.add(id) : underWay.delete(id);
    // Nothing else of it changes, and whoever is about to press it shall not lose it.
    if (place.dataset.status === generation.status) return place;
    place.dataset.status = generation.status;
    place.replaceChildren(tile(generation));
    if (hadFocus) place.firstChild.focus();
    return place;
  }

  /** One tile changes or comes in front of the others, which stay as they are. */
  function show(generation) {
    const grid = list.querySelector(".gallery");
    if (tiles.has(generation.generationRequestId)) item(generation);
    else if (!grid || isFiltered()) refresh();
    else grid.prepend(item(generation));
  }

  repeat(FOLLOW_MILLISECONDS, signal, () =>
    Promise.all(
      [...underWay].map(async (generationRequestId) => {
        try {
          const { body } = await call("getGenerationStatus", { query: { generationRequestId }, signal });
          // Another account may be shown by now.
          if (tiles.has(generationRequestId)) item(body);
        } catch (error) {
          if (!error.isPassing) underWay.delete(generationRequestId);
        }
      }),
    ),
  );

  const refresh = (isQuiet = true) => load(list, firstPage, { signal, lines: 4, isQuiet });
  filters.addEventListener("change", () => refresh(false));
  filters.addEventListener("submit", (event) => event.preventDefault());
  refresh();

  function offer(catalog) {
    const values = {
      status: STATUSES,
      model: catalog.models.map((item) => item.id),
      style: catalog.styles.map((item) => item.id),
      color: catalog.colors.map((item) => item.id),
      size: catalog.sizes.map((item) => item.id),
    };
    for (const [name, ids] of Object.entries(values)) {
      selects[name].append(...ids.map((id) => h("option", { value: id }, name === "size" ? id : words(id))));
    }
  }

  return { element, refresh, show, offer };
}

function tile(generation) {
  return h(
    "button",
    { type: "button", class: "tile", onclick: () => open(generation) },
    picture(generation, true),
    h("span", { class: "tile-text" }, generation.prompt),
  );
}

const KINDS = { completed: "good", failed: "bad", cancelled: "neutral", queued: "info", processing: "info" };

/** A button that shows a generation of which only the id is known. */
export function generationButton(id, signal) {
  const code = h("code", { class: "id", title: id }, id);
  const button = h("button", { type: "button", class: "link", "aria-label": `Show generation ${id}` }, code);
  const find = async () => {
    try {
      open((await call("getGenerationStatus", { query: { generationRequestId: id }, signal })).body);
    } catch (error) {
      if (error.name !== "AbortError") openDialog("narrow", "Generation", errorPanel(error));
    }
  };
  button.addEventListener("click", () => once(button, find));
  return button;
}

function open(generation) {
  const { createdAt, startedAt, completedAt } = generation;
  const took = startedAt && completedAt ? new Date(completedAt) - new Date(startedAt) : null;
  const facts = {
    Status: badge(words(generation.status), KINDS[generation.status]),
    Why: generation.failureReason && failure(generation.failureReason),
    Model: words(generation.model),
    Style: words(generation.style),
    Color: words(generation.color),
    Size: generation.size,
    Charged: credits(generation.creditsCharged),
    Refunded: generation.creditsRefunded > 0 && credits(generation.creditsRefunded),
    Asked: moment(createdAt),
    Took: took !== null && duration(took),
    Id: h("code", {}, generation.generationRequestId),
  };
  const rows = Object.entries(facts).filter(([, value]) => value);
  openDialog(
    "picture",
    "Generation",
    h("p", { class: "prompt" }, generation.prompt),
    h(
      "dl",
      {},
      rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
  ).prepend(h("div", { class: "picture-frame" }, picture(generation)));
}

function openDialog(kind, title, ...content) {
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = h(
    "dialog",
    { class: kind, "aria-labelledby": "dialog-title" },
    h(
      "div",
      { class: "stack" },
      h("h2", { id: "dialog-title" }, title),
      content,
      h("div", { class: "actions end" }, close),
    ),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
