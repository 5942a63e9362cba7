// Owns how generations look: one picture, and the filtered list of an account's. Must not know how they are asked for.

import { currentAccount } from "./accounts.js";
import { call } from "./api.js";
import { card, field, h } from "./dom.js";
import { badge, emptyState, errorPanel, load } from "./feedback.js";
import { credits, duration, moment, words } from "./format.js";

const PAGE_SIZE = 12;
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
  const text = generation.imageUrl ? "Kept elsewhere" : words(generation.status);
  return h("span", { class: "no-picture", "data-status": generation.status }, text);
}

const alternative = ({ model, style, color, size }) =>
  `${words(style)} picture in ${words(color).toLowerCase()} colors by ${words(model)}, ${size}`;

/** `{element, refresh, offer}`: `offer` tells what can be filtered by. */
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
  const chosen = () => Object.fromEntries(new FormData(filters));
  const page = (pageToken) =>
    call("listGenerationRequests", {
      query: { userId: currentAccount(), pageSize: PAGE_SIZE, pageToken, ...chosen() },
      signal,
    });

  async function firstPage() {
    if (!currentAccount()) return emptyState("No account chosen", "Choose one above to see its pictures.");
    const { body } = await page();
    if (body.generations.length > 0) return shown(body);
    const isFiltered = Object.values(chosen()).some(Boolean);
    return isFiltered
      ? emptyState("Nothing fits", "No generation fits all of these filters.")
      : emptyState("No pictures yet", "What this account creates is kept here.");
  }

  function shown(body) {
    const grid = h("ul", { class: "gallery" });
    const foot = h("div", { class: "more" });
    const append = ({ generations, nextPageToken }) => {
      grid.append(...generations.map((generation) => h("li", {}, tile(generation))));
      foot.replaceChildren(
        ...(nextPageToken ? [h("button", { type: "button", onclick: () => more(nextPageToken) }, "Show more")] : []),
      );
    };
    const more = async (pageToken) => {
      foot.firstChild.disabled = true;
      try {
        append((await page(pageToken)).body);
      } catch (error) {
        foot.replaceChildren(errorPanel(error, () => more(pageToken)));
      }
    };
    append(body);
    return [grid, foot];
  }

  const refresh = (isQuiet = true) =>
    load(list, firstPage, { signal, lines: 4, isQuiet: isQuiet && list.childElementCount > 0 });
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

  return { element, refresh, offer };
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

function open(generation) {
  const { createdAt, startedAt, completedAt } = generation;
  const took = startedAt && completedAt ? new Date(completedAt) - new Date(startedAt) : null;
  const facts = {
    Status: badge(words(generation.status), KINDS[generation.status]),
    "Failure reason": generation.failureReason && words(generation.failureReason),
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
  const dialog = h(
    "dialog",
    { class: "picture", "aria-labelledby": "picture-title" },
    h("div", { class: "picture-frame" }, picture(generation)),
    h(
      "div",
      { class: "picture-facts" },
      h("h2", { id: "picture-title" }, "Generation"),
      h("p", { class: "prompt" }, generation.prompt),
      h(
        "dl",
        {},
        rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
      ),
      h("div", { class: "actions end" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    ),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
