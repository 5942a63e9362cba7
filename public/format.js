// Owns how numbers, times and names look to people. Must not know where they come from.

const NUMBER = new Intl.NumberFormat("en");
const PERCENT = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const MOMENT = new Intl.DateTimeFormat("en", {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const TIME = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });

/** @param {number | null | undefined} value */
export const number = (value) => (value == null ? "–" : NUMBER.format(value));
/** @param {number | null | undefined} share */
export const percent = (share) => (share == null ? "–" : PERCENT.format(share));
/** @param {string | number | null} at As ISO 8601 or in Unix milliseconds. */
export const moment = (at) => (at ? MOMENT.format(new Date(at)) : "–");

// Control characters but the new line, and those that turn the direction of what follows.
const INVISIBLE = /[\u202A-\u202E\u2066-\u2069]|[^\n\P{Cc}]/gu;

/**
 * What a user wrote, in which characters that cannot be seen stand by their number, such as [U+202E].
 * @param {string} text
 */
export const visible = (text) => text.replaceAll(INVISIBLE, codePoint);

/** @param {string} character */
const codePoint = (character) => `[U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;

/** @param {number} at In Unix milliseconds. */
export const time = (at) => TIME.format(at);
/** @param {string | null} text */
export const day = (text) => (text ? DAY.format(new Date(text)) : "–");
/** @param {number} count */
export const credits = (count) => `${number(count)} ${count === 1 ? "credit" : "credits"}`;
/**
 * With a sign, zero as well.
 * @param {number} value
 * @param {(value: number) => string} show
 */
export const signed = (value, show = number) => (value > 0 ? `+${show(value)}` : value < 0 ? `−${show(-value)}` : "±0");

/** @param {number | null} milliseconds */
export function duration(milliseconds) {
  if (milliseconds === null) return "–";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/**
 * `oil-painting`, `model-a` and `MODEL_ERROR` as people write them.
 * @param {string} id
 */
export function words(id) {
  const text = id
    .replaceAll(/[-_]/g, " ")
    .toLowerCase()
    .replace(/ [a-z]$/, (letter) => letter.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}
