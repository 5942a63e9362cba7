// Owns how the picture of a generation looks, large and as a tile. Must not know where it is shown.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { visible, words } from "../format.js";
import { alternative } from "./generation.js";

// As the page's security policy allows; a picture from elsewhere is not asked for.
const ORIGINS = /^(https:\/\/firebasestorage\.googleapis\.com|http:\/\/(127\.0\.0\.1|localhost)(:\d+)?)$/;

/**
 * Where the picture of a generation is, null where there is none that can be shown.
 * @param {Generation} generation
 */
export function pictureUrl({ imageUrl }) {
  const url = imageUrl && URL.parse(imageUrl, location.href);
  return url && (url.origin === location.origin || ORIGINS.test(url.origin)) ? url.href : null;
}

/**
 * The picture of a generation, or what stands in its place.
 * @param {Generation} generation
 */
export function picture(generation, isSmall = false) {
  const url = pictureUrl(generation);
  if (url) {
    const [width, height] = generation.size.split("x");
    const loading = isSmall ? "lazy" : nothing;
    return html`<img src=${url} alt=${alternative(generation)} width=${width} height=${height} loading=${loading} />`;
  }
  const text = generation.imageUrl ? "Picture not available here" : words(generation.status);
  return html`<span class="no-picture" data-status=${generation.status}>${text}</span>`;
}

/**
 * @param {Generation} generation
 * @param {(generation: Generation) => void} open
 */
export const tile = (generation, open) => html`
  <button type="button" class="tile" @click=${() => open(generation)}>
    ${picture(generation, true)}<span class="tile-text" dir="auto">${visible(generation.prompt)}</span>
  </button>
`;
