// Owns the page on which a picture is asked for and waited for: how its parts work together.
// Must not know any other page.

import { html } from "/vendor/lit-html/lit-html.js";
import { accountBar } from "../../accounts/bar.js";
import { AccountChoice } from "../../accounts/choice.js";
import { call } from "../../backend/api.js";
import { Gallery } from "../../generations/gallery.js";
import { galleryCard } from "../../generations/wall.js";
import { card, pageHeader } from "../../ui/elements.js";
import { Loaded, loadedView } from "../../ui/loaded.js";
import { requestForm } from "./form.js";
import { Making } from "./making.js";
import { PictureRequest } from "./request.js";
import { resultView } from "./result.js";

/** @type {MakePage} */
export function make(page) {
  const gallery = new Gallery(page);
  const choice = new AccountChoice(page, () => {
    gallery.refresh({ isQuiet: false });
    making.forgetRefusal();
    request.value?.resume();
  });
  const refresh = () => Promise.all([choice.refresh(), gallery.refresh()]);
  addEventListener("online", refresh, { signal: page.signal });
  const making = new Making(page, {
    onStep: (generation) => gallery.show(generation),
    onCharge: () => choice.refresh(),
    onBegin: reveal,
    // Offline nothing can be read, and what is shown stays until the browser is online again.
    onLost: () => navigator.onLine && refresh(),
  });
  const request = new Loaded(page, async () => {
    const { body } = await call("getCatalog", { signal: page.signal });
    const asked = new PictureRequest(page, body, choice, making);
    asked.resume();
    return asked;
  });
  request.load();
  return () => html`
    ${pageHeader("Create", "Pick how it should look, say what it should show.")} ${accountBar(choice)}
    <div class="columns">
      ${card("Request", loadedView(request, { lines: 8 }, requestForm))} ${card("Picture", resultView(making))}
    </div>
    ${galleryCard(gallery, request.value?.catalog)}
  `;
}

/** On a phone the picture is below the request. */
function reveal() {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const place = document.querySelector(".result")?.closest(".card");
  place?.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
}
