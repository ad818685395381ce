// Typed inputs: text, numbers, addresses, dates and times.
import { h } from "./dom.js";

const placeholder = (el) => el.placeholder?.text;

function typed(el, ctx, node, read) {
  const shown = read.shown(ctx.initially(read.initial));
  node.value = shown ?? "";
  const store = (act) => ctx.change(read.collect(node.value), node, act);
  const triggers = el.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  node.addEventListener("input", () => store(Boolean(ctx.dispatch && triggers.includes("on_character_entered"))));
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && ctx.dispatch && triggers.includes("on_enter_pressed") && !(node.tagName === "TEXTAREA" && event.shiftKey)) {
      event.preventDefault();
      store(true);
    }
  });
  return node;
}

function valueOf(el, collect = (text) => text || null) {
  return {
    initial: { type: el.type, value: el.initial_value ?? null },
    shown: (state) => state.value,
    collect: (text) => ({ type: el.type, value: collect(text) }),
  };
}

function text(el, ctx) {
  const shared = { ...ctx.attributes, class: "field", placeholder: placeholder(el), maxlength: el.max_length, autofocus: el.focus_on_load };
  if (!el.multiline) return typed(el, ctx, h("input", { ...shared, type: "text", autocomplete: "off" }), valueOf(el));
  return typed(el, ctx, h("textarea", { ...shared, rows: "4" }), valueOf(el));
}

function number(el, ctx) {
  const node = h("input", {
    ...ctx.attributes, class: "field field-short", type: "text", inputmode: el.is_decimal_allowed ? "decimal" : "numeric", autocomplete: "off", placeholder: placeholder(el),
  });
  return typed(el, ctx, node, valueOf(el, (t) => t.trim() || null));
}

const address = (type) => (el, ctx) =>
  typed(el, ctx, h("input", { ...ctx.attributes, class: "field", type, autocomplete: "off", placeholder: placeholder(el) }), valueOf(el, (t) => t.trim() || null));

function chosen(el, ctx, { type, name, initial }) {
  const state = ctx.initially({ type: el.type, [name]: initial ?? null });
  const node = h("input", {
    ...ctx.attributes, class: "field field-short", type, value: state[name] ?? "",
    "aria-label": ctx.id ? null : (ctx.label ?? placeholder(el) ?? (type === "date" ? "Date" : "Time")),
    onchange: () => ctx.change({ type: el.type, [name]: node.value || null }, node),
  });
  return node;
}

const day = (el, ctx) => chosen(el, ctx, { type: "date", name: "selected_date", initial: el.initial_date });
const time = (el, ctx) => chosen(el, ctx, { type: "time", name: "selected_time", initial: el.initial_time });

function moment(el, ctx) {
  const local = (seconds) => {
    const date = new Date(seconds * 1000);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  };
  const state = ctx.initially({ type: el.type, selected_date_time: el.initial_date_time ?? null });
  const node = h("input", {
    ...ctx.attributes, class: "field field-short", type: "datetime-local", "aria-label": ctx.id ? null : "Date and time",
    value: state.selected_date_time ? local(state.selected_date_time) : "",
    onchange: () => ctx.change({ type: el.type, selected_date_time: node.value ? Math.floor(new Date(node.value).getTime() / 1000) : null }, node),
  });
  return node;
}

export const fields = {
  plain_text_input: text,
  number_input: number,
  email_text_input: address("email"),
  url_text_input: address("url"),
  datepicker: day,
  timepicker: time,
  datetimepicker: moment,
};
