// Owns the page on which pictures are asked for and waited for: how its parts work together.
// Must not know any other page.

import { html } from "/vendor/lit-html/lit-html.js";
import { accountBar } from "../../accounts/bar.js";
import { AccountChoice } from "../../accounts/choice.js";
import { call } from "../../backend/api.js";
import { Finder } from "../../generations/finder.js";
import { Gallery } from "../../generations/gallery.js";
import { galleryCard } from "../../generations/wall.js";
import { card, pageHeader } from "../../ui/elements.js";
import { Loaded, loadedView } from "../../ui/loaded.js";
import { codeDetails } from "./code.js";
import { requestForm } from "./form.js";
import { Pictures } from "./pictures.js";
import { PictureRequest } from "./request.js";
import { picturesView } from "./result.js";

/** @type {MakePage} */
export function make(page) {
  const gallery = new Gallery(page);
  const choice = new AccountChoice(page, () => gallery.refresh({ isQuiet: false }), { isChosenAtFirst: true });
  const refresh = () => Promise.all([choice.refresh(), gallery.refresh()]);
  addEventListener("online", refresh, { signal: page.signal });
  const pictures = new Pictures(page, {
    onStep: (generation) => gallery.show(generation),
    onCharge: () => choice.refresh(),
    onBegin: reveal,
    // Offline nothing can be read, and what is shown stays until the browser is online again.
    onLost: () => navigator.onLine && refresh(),
  });
  const request = new Loaded(page, async () => {
    const { body } = await call("getCatalog", { signal: page.signal });
    return new PictureRequest(page, body, choice, pictures);
  });
  request.load();
  const finder = new Finder(page, {
    neighbours: gallery,
    use: (asked) => {
      request.value?.fill(asked);
      document.getElementById("request-prompt")?.focus();
    },
    retry: (asked) => pictures.ask(asked),
  });
  if (page.argument) finder.open(page.argument);
  const code = codeDetails(page);
  return () => html`
    ${pageHeader("Create", "Say what it should show, pick how it should look.")} ${accountBar(choice)}
    <div class="columns">
      ${card("Request", [
        loadedView(request, { lines: 8 }, requestForm),
        request.value ? code(request.value.body) : null,
      ])}
      ${card("Pictures", picturesView(pictures))}
    </div>
    ${galleryCard(gallery, request.value?.catalog, finder)}
  `;
}

/** On a phone the newest picture is below the request. */
function reveal() {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector(".result")?.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
}
