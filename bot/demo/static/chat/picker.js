// One list to choose from, for every kind of select: a button that opens a list with a filter.
import { h, icon, uid } from "./dom.js";
import { isOpenFor, closePopover, openPopover } from "./popover.js";

const FILTER_FROM = 7;

/**
 * A select. `options`: [{value, text, description?, group?, lead?}], `selected`: values, `multi`, `max`,
 * `onChange(values)`. `attributes` go to the button (id, aria-describedby, data-fk …).
 */
export function picker({ options, selected, multi = false, max = Infinity, placeholder, label, attributes = {}, onChange }) {
  let chosen = selected.filter((v) => options.some((o) => o.value === v));
  const button = h("button", {
    type: "button", class: "picker", "aria-haspopup": "listbox", "aria-expanded": "false", ...attributes,
    onclick: () => (isOpenFor(button) ? closePopover() : open()),
    onkeydown: (event) => {
      if (["ArrowDown", "ArrowUp"].includes(event.key)) (event.preventDefault(), open());
    },
  });
  const draw = () => {
    const texts = chosen.map((v) => options.find((o) => o.value === v).text);
    const value = texts.length
      ? multi ? texts.map((t) => h("span", { class: "chip" }, t)) : h("span", { class: "picker-value" }, texts[0])
      : h("span", { class: "picker-placeholder" }, placeholder || "Choose…");
    if (label) button.setAttribute("aria-label", `${label}: ${texts.join(", ") || placeholder || "Choose…"}`);
    button.replaceChildren(h("span", { class: "picker-values" }, value), icon("down", 16));
  };
  const choose = (value) => {
    if (!multi) chosen = [value];
    else if (chosen.includes(value)) chosen = chosen.filter((v) => v !== value);
    else if (chosen.length < max) chosen = [...chosen, value];
    draw();
    onChange(chosen);
  };
  const open = () => openList(button, { options, multi, label: label ?? placeholder, isChosen: (v) => chosen.includes(v), choose });
  draw();
  return button;
}

function openList(button, { options, multi, label, isChosen, choose }) {
  const id = uid("list");
  const search = options.length > FILTER_FROM;
  const box = h("ul", { class: "listbox", role: "listbox", id, "aria-label": label ?? "Options", "aria-multiselectable": multi ? "true" : null, tabindex: search ? "-1" : "0" });
  const filter = h("input", {
    class: "listbox-filter", type: "text", role: "combobox", placeholder: "Search", "aria-label": "Filter the options",
    "aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off", hidden: !search,
  });
  const { panel, close } = openPopover(button, [filter, box]);
  const list = { box, keys: search ? filter : box, at: -1, shown: [] };
  const pick = (option) => {
    choose(option.value);
    if (multi) render();
    else close(true);
  };
  const render = () => {
    const words = filter.value.trim().toLowerCase();
    list.shown = options.filter((o) => !words || `${o.text} ${o.description ?? ""}`.toLowerCase().includes(words));
    drawOptions(list, isChosen, pick);
  };
  filter.addEventListener("input", () => ((list.at = 0), render()));
  list.keys.addEventListener("keydown", (event) => listKeys(event, list, pick, close));
  list.at = Math.max(0, options.findIndex((o) => isChosen(o.value)));
  render();
  list.keys.focus();
  panel.classList.add("popover-list");
}

function drawOptions(list, isChosen, pick) {
  let group;
  list.box.replaceChildren();
  list.shown.forEach((option, at) => {
    if (option.group && option.group !== group) list.box.append(h("li", { class: "listbox-group", role: "presentation" }, option.group));
    group = option.group;
    list.box.append(h("li", {
      class: "listbox-option", role: "option", id: `${list.box.id}-${at}`, "aria-selected": String(isChosen(option.value)),
      onclick: () => ((list.at = at), pick(option)),
      onpointermove: () => move(list, at),
    }, option.lead?.() ?? null, h("span", { class: "menu-text" }, h("span", {}, option.text), option.description ? h("span", { class: "menu-hint" }, option.description) : null),
    isChosen(option.value) ? icon("check", 16) : null));
  });
  if (!list.shown.length) list.box.append(h("li", { class: "listbox-none", role: "presentation" }, "Nothing matches"));
  move(list, Math.min(list.at, list.shown.length - 1));
}

function move(list, to) {
  list.at = to;
  const nodes = [...list.box.querySelectorAll('[role="option"]')];
  nodes.forEach((n, at) => n.classList.toggle("active", at === to));
  if (nodes[to]) list.keys.setAttribute("aria-activedescendant", nodes[to].id);
  else list.keys.removeAttribute("aria-activedescendant");
  nodes[to]?.scrollIntoView({ block: "nearest" });
}

function listKeys(event, list, pick, close) {
  const last = list.shown.length - 1;
  const to = { ArrowDown: list.at >= last ? 0 : list.at + 1, ArrowUp: list.at <= 0 ? last : list.at - 1 }[event.key];
  if (to !== undefined) (event.preventDefault(), move(list, to));
  else if (event.key === "Enter" || (event.key === " " && list.keys === list.box)) {
    event.preventDefault();
    event.stopPropagation();
    if (list.shown[list.at]) pick(list.shown[list.at]);
  } else if (event.key === "Tab") (event.preventDefault(), close(true));
}
