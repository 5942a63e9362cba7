// Owns how a request and an answer look as code that can be copied. Must not know how a snippet is written.

import { html } from "/vendor/lit-html/lit-html.js";
import { signedIn } from "../backend/session.js";
import { Copying } from "../ui/copy.js";
import { choices, Form } from "../ui/form.js";
import { json, LANGUAGES } from "./snippets.js";

/** The language that is chosen, and the idempotency key of the request. */
export class RequestCode {
  #text = "";
  #key = "";

  /**
   * @param {() => void} update
   * @param {string} name Unique on the page.
   */
  constructor(update, name) {
    this.form = new Form(update, name, { language: "curl" });
    this.copying = new Copying(update);
  }

  /** @param {AskedPicture} body */
  snippet(body) {
    const url = `${location.origin}/api/createGenerationRequest`;
    const call = { url, key: this.#keyOf(body), body, hasToken: signedIn() !== null };
    return LANGUAGES[this.form.values.language].write(call);
  }

  /**
   * Another request has another key.
   * @param {AskedPicture} body
   */
  #keyOf(body) {
    const text = JSON.stringify(body);
    if (text !== this.#text) this.#key = crypto.randomUUID();
    this.#text = text;
    return this.#key;
  }
}

/**
 * @param {RequestCode} code
 * @param {AskedPicture} body
 */
export function requestCode(code, body) {
  const languages = Object.entries(LANGUAGES).map(([value, { name }]) => ({ value, content: name }));
  const text = code.snippet(body);
  const { name } = LANGUAGES[code.form.values.language];
  return html`
    <form @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
      ${choices(code.form, "language", "Language", languages, "segments")}
    </form>
    ${block(`The request in ${name}`, text)}
    <div class="actions">
      ${code.copying.button("Copy the code", text)}
      <span class="hint">Run twice, it is charged once: it has an idempotency key of its own.</span>
    </div>
  `;
}

/**
 * @param {Copying} copying
 * @param {unknown} answer
 */
export function answerCode(copying, answer) {
  const text = json(answer, 2);
  return html`${block("The answer as JSON", text)}
    <div class="actions">${copying.button("Copy the JSON", text)}</div>`;
}

/**
 * Code that is longer than its place is scrolled by the keyboard as well.
 * @param {string} label
 * @param {string} text
 */
const block = (label, text) =>
  html`<pre class="snippet" tabindex="0" role="region" aria-label=${label} dir="ltr"><code>${text}</code></pre>`;
