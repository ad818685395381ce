// Block elements: each draws a control and yields Slack's action object.
import { h, icon, safeUrl, uid } from "./dom.js";
import { confirmed, textOf } from "./dialog.js";
import { withEmoji } from "./emoji.js";
import { fields } from "./fields.js";
import { openMenu } from "./popover.js";
import { selects } from "./selects.js";

/**
 * Draws one element. `place`: {surface, blockId, label?, describedBy?, id?, input?: bool, dispatch?: bool}:
 * `input` means that changing it only changes the state, unless `dispatch`.
 */
export function element(el, place) {
  const draw = RENDER[el.type];
  if (!draw) return h("span", { class: "unsupported" }, `[${el.type}]`);
  return draw(el, context(el, place));
}

function context(el, place) {
  const { surface, blockId } = place;
  const actionId = el.action_id ?? "";
  // Without the block: an edited message may come with new block_ids, and the focus should stay.
  const key = `${surface.key}/${actionId}/${el.value ?? ""}`;
  return {
    ...place,
    key,
    attributes: {
      id: place.id,
      "aria-describedby": place.describedBy,
      "aria-invalid": surface.errors[blockId] ? "true" : null,
      "data-fk": key,
    },
    initially: (value) => surface.value(blockId, actionId, value),
    /** Remembers the value and, where the element acts, sends it after its confirm dialog. */
    async change(value, node, act = !place.input || place.dispatch) {
      surface.set(blockId, actionId, value);
      if (act && (await confirmed(el.confirm))) surface.act({ ...value, action_id: actionId, block_id: blockId }, node);
    },
  };
}

const STYLE = { primary: "btn btn-primary", danger: "btn btn-danger" };

function button(el, ctx) {
  const props = { ...ctx.attributes, class: STYLE[el.style] ?? "btn", "aria-label": el.accessibility_label };
  const press = async (event) => {
    const node = event.currentTarget;
    if (node.getAttribute("aria-busy") === "true") return;
    if (!(await confirmed(el.confirm))) return;
    ctx.surface.act({ type: "button", action_id: el.action_id, block_id: ctx.blockId, text: el.text, ...(el.value === undefined ? {} : { value: el.value }) }, node);
  };
  const href = el.url && safeUrl(el.url);
  if (!href) return h("button", { ...props, type: "button", onclick: press }, withEmoji(el.text?.text));
  return h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer", onclick: press }, withEmoji(el.text?.text), icon("external", 14));
}

function overflow(el, ctx) {
  const pick = (option, node) => ctx.surface.act({ type: "overflow", action_id: el.action_id, block_id: ctx.blockId, selected_option: option }, node);
  const items = (node) => (el.options ?? []).map((option) => ({
    label: withEmoji(option.text.text),
    hint: option.description && withEmoji(option.description.text),
    href: option.url && safeUrl(option.url),
    pick: async () => (await confirmed(el.confirm)) && pick(option, node),
  }));
  const node = h("button", {
    ...ctx.attributes, type: "button", class: "btn btn-icon", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false",
    onclick: () => openMenu(node, items(node), { label: "More actions" }),
  }, icon("more"));
  return node;
}

function choices(el, ctx, type, read) {
  const group = uid("choice");
  const box = h("div", { class: "choices", role: type === "radio" ? "radiogroup" : "group", "aria-label": ctx.label ?? "Options", "aria-describedby": ctx.describedBy });
  const chosen = read(ctx.initially(read.initial));
  (el.options ?? []).forEach((option, at) => {
    const input = h("input", {
      type, name: group, value: option.value, checked: chosen.includes(option.value), "data-fk": `${ctx.key}/${at}`,
      onchange: () => ctx.change(read.collect(box), box),
    });
    box.append(h("label", { class: "choice" }, input, h("span", {}, h("span", {}, textOf(option.text)), option.description ? h("span", { class: "choice-hint" }, textOf(option.description)) : null)));
  });
  return box;
}

const checkedOptions = (el, box) => [...box.querySelectorAll("input")].flatMap((n, at) => (n.checked ? [el.options[at]] : []));

function radios(el, ctx) {
  const read = (value) => [value.selected_option?.value];
  read.initial = { type: el.type, selected_option: el.initial_option ?? null };
  read.collect = (box) => ({ type: el.type, selected_option: checkedOptions(el, box)[0] ?? null });
  return choices(el, ctx, "radio", read);
}

function checkboxes(el, ctx) {
  const read = (value) => (value.selected_options ?? []).map((o) => o.value);
  read.initial = { type: el.type, selected_options: el.initial_options ?? [] };
  read.collect = (box) => ({ type: el.type, selected_options: checkedOptions(el, box) });
  return choices(el, ctx, "checkbox", read);
}

function image(el) {
  return picture(el, "element-image");
}

/** An image that says its words when it may not or cannot be loaded. */
export function picture(el, className) {
  const node = h("img", { class: className, src: safeUrl(el.image_url ?? el.slack_file?.url), alt: el.alt_text ?? "", loading: "lazy" });
  node.addEventListener("error", () => node.replaceWith(h("span", { class: `${className} image-missing`, role: "img", "aria-label": el.alt_text || "Image" }, icon("file", 16), el.alt_text ? h("span", {}, el.alt_text) : null)));
  return node;
}

const RENDER = { button, workflow_button: button, overflow, radio_buttons: radios, checkboxes, image, ...fields, ...selects };
