// What a screen reader is told without moving the focus.
import { $, h } from "./dom.js";

const KEPT = 5;

export function announce(text) {
  const live = $("#live");
  live.append(h("p", {}, text));
  while (live.childElementCount > KEPT) live.firstElementChild.remove();
}
