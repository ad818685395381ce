// Small panels beside a control: menus and lists. In the top layer, inside the dialog when there is one.
import { h, uid } from "./dom.js";

let current = null;

/** Shows `content` beside `anchor` until Escape, a click elsewhere, or `close()`. */
export function openPopover(anchor, content, { onClose, above = false, wide = false } = {}) {
  closePopover();
  const host = anchor.closest("dialog") ?? document.querySelector("#conversation");
  const panel = h("div", { class: wide ? "popover popover-wide" : "popover", popover: "manual" }, content);
  host.append(panel);
  panel.showPopover();
  // Placed anew whenever its content grows: a list may be filled later.
  const grown = new ResizeObserver(() => anchor.isConnected && place(panel, anchor, above));
  grown.observe(panel);
  const close = (refocus) => {
    if (current?.panel !== panel) return;
    current = null;
    grown.disconnect();
    removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", away);
    removeEventListener("scroll", scrolled, true);
    panel.remove();
    anchor.setAttribute("aria-expanded", "false");
    if (refocus) focusAgain(anchor);
    onClose?.();
  };
  const outside = (event) => {
    if (!panel.contains(event.target) && !anchor.contains(event.target)) close(false);
  };
  const away = () => close(false);
  const scrolled = (event) => panel.contains(event.target) || !anchor.isConnected || place(panel, anchor, above);
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    close(true);
  });
  addEventListener("pointerdown", outside, true);
  addEventListener("resize", away);
  addEventListener("scroll", scrolled, true);
  anchor.setAttribute("aria-expanded", "true");
  current = { panel, anchor, close };
  return { panel, close };
}

// The control may have been drawn anew while the panel was open.
function focusAgain(anchor) {
  const again = anchor.isConnected ? anchor : document.querySelector(`[data-fk="${CSS.escape(anchor.dataset.fk ?? "")}"]`);
  again?.focus({ preventScroll: true });
}

export const isOpenFor = (anchor) => current?.anchor === anchor;
export const closePopover = () => current?.close(false);

function place(panel, anchor, above) {
  const box = anchor.getBoundingClientRect();
  const size = panel.getBoundingClientRect();
  const room = innerHeight - box.bottom - 12;
  const up = above || (size.height > room && box.top > room);
  const top = up ? Math.max(8, box.top - size.height - 6) : box.bottom + 6;
  const left = Math.min(Math.max(8, box.left), innerWidth - size.width - 8);
  panel.style.minWidth = `${Math.min(Math.max(box.width, 180), innerWidth - 16)}px`;
  panel.style.top = `${Math.max(8, Math.min(top, innerHeight - size.height - 8))}px`;
  panel.style.left = `${Math.max(8, left)}px`;
}

/** Moves the focus among `items` with the arrow keys, Home and End. */
export function arrowKeys(event, items) {
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to === undefined || !items.length) return false;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
  return true;
}

/** A menu of `[{label, hint, icon, href, danger, checked, lead, pick}]` beside a button. */
export function openMenu(anchor, items, { label, above = false } = {}) {
  if (isOpenFor(anchor)) return closePopover();
  const radio = items.some((i) => i.checked !== undefined);
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, id: uid("menu") });
  const { close } = openPopover(anchor, menu, { above });
  for (const item of items) menu.append(menuItem(item, radio, close));
  const nodes = [...menu.children];
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Tab") close(true);
    else arrowKeys(event, nodes);
  });
  const first = nodes.find((n) => n.getAttribute("aria-checked") === "true") ?? nodes[0];
  place(menu.parentElement, anchor, above);
  first?.focus();
}

function menuItem(item, radio, close) {
  const props = {
    class: item.danger ? "menu-item menu-danger" : "menu-item",
    role: radio ? "menuitemradio" : "menuitem",
    "aria-checked": radio ? String(Boolean(item.checked)) : null,
    tabindex: "-1",
    onclick: () => (close(true), item.pick?.()),
  };
  const body = [
    item.lead ?? null,
    h("span", { class: "menu-text" }, h("span", { class: "menu-label" }, item.label), item.hint ? h("span", { class: "menu-hint" }, item.hint) : null),
  ];
  if (item.href) return h("a", { ...props, href: item.href, target: "_blank", rel: "noopener noreferrer" }, body);
  return h("button", { ...props, type: "button" }, body);
}
