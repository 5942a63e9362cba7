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
const AXIS_SECOND = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });
const AXIS_MINUTE = new Intl.DateTimeFormat("en", { timeStyle: "short", hourCycle: "h23" });
const AXIS_DAY = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });

export const number = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));
export const percent = (share) => (share === null || share === undefined ? "–" : PERCENT.format(share));
export const moment = (text) => (text ? MOMENT.format(new Date(text)) : "–");

/** A moment on an axis whose steps are so many seconds long; midnight is a new day. */
export function axisMoment(milliseconds, stepSeconds) {
  const at = new Date(milliseconds);
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0;
  if (stepSeconds >= 86_400 || isMidnight) return AXIS_DAY.format(at);
  return (stepSeconds < 60 ? AXIS_SECOND : AXIS_MINUTE).format(at);
}

export const day = (text) => (text ? DAY.format(new Date(text)) : "–");
export const credits = (count) => `${number(count)} ${count === 1 ? "credit" : "credits"}`;
export const signed = (value, show = number) => (value > 0 ? `+${show(value)}` : value < 0 ? `−${show(-value)}` : "±0");

export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** `oil-painting`, `model-a` and `MODEL_ERROR` as people write them. */
export function words(id) {
  const text = String(id)
    .replaceAll(/[-_]/g, " ")
    .toLowerCase()
    .replace(/ [a-z]$/, (letter) => letter.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const FAILURES = {
  MODEL_ERROR: "The model failed.",
  MODEL_REFUSED: "The model refused to draw this.",
  MODEL_TIMEOUT: "The model took too long.",
  NOT_OFFERED: "This is no longer on offer.",
  STORAGE_ERROR: "The picture could not be kept.",
  QUEUE_ERROR: "The request could not be queued.",
  LEASE_EXPIRED: "It was not finished in time.",
};

/** Why a generation failed, in a sentence. */
export const failure = (reason) => FAILURES[reason] ?? "The picture could not be made.";
