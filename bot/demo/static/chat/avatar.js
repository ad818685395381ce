// A person's picture: initials on a colour of their own; the app has its mark.
import { h, icon } from "./dom.js";
import { person, personName } from "./store.js";

const COLOURS = 8;

function hue(id) {
  let sum = 0;
  for (const c of String(id)) sum = (sum * 31 + c.codePointAt(0)) % 9973;
  return sum % COLOURS;
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? "?"];
  return letters.map((w) => [...w][0] ?? "").join("").toLocaleUpperCase();
}

/** `size`: tiny (20), small (24), normal (38) or large (64). */
export function avatar(id, size = "normal") {
  const known = person(id);
  const name = personName(id);
  if (known?.is_bot) return h("span", { class: `avatar avatar-${size} avatar-bot`, "aria-hidden": "true" }, icon("sync", 22));
  if (id === "system") return h("span", { class: `avatar avatar-${size} avatar-system`, "aria-hidden": "true" }, icon("info", 20));
  return h("span", { class: `avatar avatar-${size} avatar-${hue(id)}`, "aria-hidden": "true" }, initials(name));
}
