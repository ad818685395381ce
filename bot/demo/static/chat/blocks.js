// Blocks: one function for each kind. Unknown ones say so instead of vanishing.
import { h, icon, uid } from "./dom.js";
import { textOf } from "./dialog.js";
import { element, picture } from "./elements.js";
import { withEmoji } from "./emoji.js";
import { markdown } from "./markdown.js";
import { mrkdwn } from "./mrkdwn.js";
import { plan, taskCard } from "./plan.js";
import { richText } from "./richtext.js";
import { table } from "./table.js";

/** Draws blocks on a surface. */
export function blocks(list, surface) {
  return (list ?? []).map((block, at) => {
    const draw = RENDER[block.type];
    const id = block.block_id ?? `block-${at}`;
    const node = draw ? draw(block, surface, id) : h("p", { class: "unsupported" }, `This page cannot show a “${block.type}” block.`);
    node.dataset.block = block.type;
    node.dataset.blockId = id;
    return node;
  });
}

function section(block, surface, blockId) {
  const label = block.text ? h("div", {}, textOf(block.text)).textContent : undefined;
  return h("div", { class: "block section" },
    h("div", { class: "section-body" },
      block.text ? h("div", { class: "text" }, textOf(block.text)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((f) => h("div", { class: "text" }, textOf(f)))) : null),
    block.accessory ? h("div", { class: "accessory" }, element(block.accessory, { surface, blockId, label })) : null);
}

function context(block) {
  return h("div", { class: "block context" }, (block.elements ?? []).map((el) =>
    el.type === "image" ? picture(el, "context-image") : h("span", { class: "text" }, textOf(el))));
}

function actions(block, surface, blockId) {
  return h("div", { class: "block actions" }, (block.elements ?? []).map((el) => element(el, { surface, blockId })));
}

function image(block) {
  return h("figure", { class: "block image" },
    block.title ? h("figcaption", {}, textOf(block.title)) : null,
    picture(block, "block-image"));
}

// Groups of choices are labelled by a legend-like id, single controls by a real label.
const GROUPS = new Set(["radio_buttons", "checkboxes"]);
const BUTTON_LIKE = /select$/;

function input(block, surface, blockId) {
  const el = block.element;
  const ids = { control: uid("control"), hint: uid("hint"), error: uid("error") };
  const error = surface.errors[blockId];
  const label = withEmoji(block.label?.text);
  const grouped = GROUPS.has(el.type) || BUTTON_LIKE.test(el.type);
  const words = [label, block.optional ? h("span", { class: "optional" }, " (optional)") : null];
  const describedBy = [block.hint && ids.hint, error && ids.error].filter(Boolean).join(" ") || null;
  return h("div", { class: error ? "block input invalid" : "block input" },
    grouped ? h("div", { class: "label" }, words) : h("label", { class: "label", for: ids.control }, words),
    element(el, { surface, blockId, id: ids.control, label, describedBy, input: true, dispatch: block.dispatch_action }),
    error ? h("p", { class: "field-error", id: ids.error }, icon("alert", 16), error) : null,
    block.hint ? h("p", { class: "hint", id: ids.hint }, withEmoji(block.hint.text)) : null);
}

const ALERT_ICON = { default: "info", info: "info", warning: "alert", error: "alert", success: "ok" };

function alert(block) {
  const level = ALERT_ICON[block.level] ? block.level : "default";
  return h("div", { class: `block alert alert-${level}`, role: level === "error" ? "alert" : "note" },
    icon(ALERT_ICON[level], 20), h("div", { class: "text" }, textOf(typeof block.text === "string" ? { text: block.text } : block.text)));
}

const RENDER = {
  header: (block) => h("h2", { class: "block header" }, withEmoji(block.text?.text)),
  section,
  context,
  divider: () => h("hr", { class: "block divider" }),
  actions,
  image,
  input,
  alert,
  rich_text: (block) => h("div", { class: "block" }, richText(block)),
  table: (block) => table(block),
  plan: (block) => plan(block),
  task_card: (block) => h("div", { class: "block" }, taskCard(block)),
  markdown: (block) => h("div", { class: "block" }, markdown(block.text)),
  mrkdwn: (block) => h("div", { class: "block text" }, mrkdwn(block.text)),
};
