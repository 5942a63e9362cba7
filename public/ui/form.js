// Owns forms: what is typed, what is wrong with it, and the controls that show both. Must not know any page.

import { directive, Directive } from "/vendor/lit-html/directive.js";
import { html, noChange, nothing } from "/vendor/lit-html/lit-html.js";
import { ApiError } from "../backend/errors.js";
import { Once } from "./once.js";

/** The state of a form: values and faults by the name of their field. */
export class Form {
  /** @type {Record<string, string>} */
  values;
  /** @type {Record<string, string>} */
  faults = {};

  /**
   * @param {() => void} update
   * @param {string} name Of the form, unique on its page.
   * @param {Record<string, string>} initial
   */
  constructor(update, name, initial) {
    this.update = update;
    this.name = name;
    this.initial = initial;
    this.values = { ...initial };
    this.sending = new Once(update);
  }

  /**
   * Change a value, which takes away its fault.
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    this.values[name] = value;
    delete this.faults[name];
    this.update();
  }

  reset() {
    this.values = { ...this.initial };
    this.clearFaults();
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  setFault(name, text) {
    this.faults[name] = text;
    this.update();
  }

  clearFaults() {
    this.faults = {};
    this.update();
  }

  get hasFaults() {
    return Object.keys(this.faults).length > 0;
  }

  /**
   * Take over the faults of an error by field; false where some of the error has no field here.
   * @param {unknown} error
   */
  takeFaults(error) {
    const violations = error instanceof ApiError ? error.violations : [];
    const own = violations.filter((each) => each.field in this.values);
    for (const each of own) this.setFault(each.field, `It ${each.description}.`);
    return own.length > 0 && own.length === violations.length;
  }
}

/** A form whose values are kept while other pages are looked at, over a reload too. */
export class KeptForm extends Form {
  /**
   * @param {() => void} update
   * @param {string} name
   * @param {Record<string, string>} initial
   */
  constructor(update, name, initial) {
    super(update, name, initial);
    Object.assign(this.values, JSON.parse(sessionStorage.getItem(`form-${name}`) ?? "{}"));
  }

  /**
   * @override
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    super.set(name, value);
    keepForm(this.name, this.values);
  }
}

/**
 * Keep the values of a form for when it is made next.
 * @param {string} name
 * @param {Record<string, string>} values
 */
export const keepForm = (name, values) => sessionStorage.setItem(`form-${name}`, JSON.stringify(values));

/**
 * Put the focus on the first control that has a fault.
 * @param {ParentNode | null} place
 */
export function focusFault(place) {
  const control = place?.querySelector("[aria-invalid]");
  if (control instanceof HTMLElement) control.focus();
}

/**
 * A listener for `submit`: `send` is called with the form, once at a time.
 * @param {Form} form
 * @param {(element: HTMLFormElement) => Promise<unknown>} send
 */
export const onSubmit = (form, send) => (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const element = /** @type {HTMLFormElement} */ (event.currentTarget);
  form.sending.run(() => send(element));
};

/**
 * @param {Form} form
 * @param {string} name
 */
const idOf = (form, name) => `${form.name}-${name}`;

/** Gives an element the name, value and fault of a field. A `select` shows its value by its options. */
class Control extends Directive {
  /**
   * @param {Form} _form
   * @param {string} _name
   * @param {boolean} _hasHint
   */
  render(_form, _name, _hasHint) {
    return noChange;
  }

  /**
   * @override
   * @param {ElementPart} part
   * @param {[Form, string, boolean]} given
   */
  update(part, [form, name, hasHint]) {
    const control = /** @type {ControlElement} */ (part.element);
    const id = idOf(form, name);
    control.id = id;
    control.name = name;
    control.setAttribute("aria-describedby", hasHint ? `${id}-fault ${id}-hint` : `${id}-fault`);
    if (form.faults[name]) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
    // An equal value is left alone: a number that is half typed has none, and would be emptied.
    if (control.localName !== "select" && control.value !== form.values[name]) control.value = form.values[name];
    return noChange;
  }
}

const bind = directive(Control);

/**
 * A labelled control with room for its fault; `control` makes the element with what binds it to the form.
 * @param {Form} form
 * @param {string} name
 * @param {string} label
 * @param {(bound: unknown) => unknown} control
 * @param {unknown} hint
 */
export function field(form, name, label, control, hint = null) {
  const id = idOf(form, name);
  const set = (/** @type {{target: ControlElement}} */ event) => form.set(name, event.target.value);
  return html`
    <div class="field" data-field=${name} @input=${set}>
      <label for=${id}>${label}</label>
      ${control(bind(form, name, hint !== null))}
      ${hint === null ? nothing : html`<p class="hint" id="${id}-hint">${hint}</p>`} ${faultLine(form, name, id)}
    </div>
  `;
}

/**
 * A labelled choice of `[value, text]`.
 * @param {Form} form
 * @param {string} name
 * @param {string} label
 * @param {[string, string][]} options
 */
export function selectField(form, name, label, options) {
  const option = (/** @type {[string, string]} */ [value, text]) =>
    html`<option value=${value} .selected=${value === form.values[name]}>${text}</option>`;
  return field(
    form,
    name,
    label,
    (bound) =>
      html`<select ${bound}>
        ${options.map(option)}
      </select>`,
  );
}

/**
 * A group of native radio buttons that look like what they stand for.
 * @param {Form} form
 * @param {string} name
 * @param {string} legend
 * @param {Choice[]} items
 * @param {string} kind
 */
export function choices(form, name, legend, items, kind) {
  const id = idOf(form, name);
  const set = (/** @type {{target: ControlElement}} */ event) => form.set(name, event.target.value);
  const isFaulty = name in form.faults ? "true" : nothing;
  const choice = (/** @type {Choice} */ { value, content }) => html`
    <label class="choice" data-value=${value}>
      <input
        type="radio"
        name=${name}
        value=${value}
        required
        aria-invalid=${isFaulty}
        .checked=${value === form.values[name]}
      />${content}
    </label>
  `;
  return html`
    <fieldset class="field choices ${kind}" data-field=${name} aria-describedby="${id}-fault" @input=${set}>
      <legend>${legend}</legend>
      <div class="options">${items.map(choice)}</div>
      ${faultLine(form, name, id)}
    </fieldset>
  `;
}

/**
 * @param {Form} form
 * @param {string} name
 * @param {string} id
 */
const faultLine = (form, name, id) =>
  html`<p class="fault" id="${id}-fault" ?hidden=${!form.faults[name]}>${form.faults[name] ?? ""}</p>`;
