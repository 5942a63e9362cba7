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
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });

export const number = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));
export const percent = (share) => (share === null || share === undefined ? "–" : PERCENT.format(share));
export const moment = (text) => (text ? MOMENT.format(new Date(text)) : "–");
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
