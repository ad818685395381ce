// The select menus, on their own options and on people, channels and conversations.
import { icon } from "./dom.js";
import { avatar } from "./avatar.js";
import { withEmoji } from "./emoji.js";
import { picker } from "./picker.js";
import { channelName, personName, state } from "./store.js";

const flat = (el) => [
  ...(el.options ?? []).map((option) => ({ option })),
  ...(el.option_groups ?? []).flatMap((g) => g.options.map((option) => ({ option, group: withEmoji(g.label.text) }))),
];

function choice({ option, group }) {
  return { value: option.value, text: withEmoji(option.text.text), description: option.description && withEmoji(option.description.text), group };
}

function draw(el, ctx, { options, multi, selected, collect }) {
  const node = picker({
    options, multi, selected, max: el.max_selected_items, placeholder: withEmoji(el.placeholder?.text),
    label: ctx.label ?? el.placeholder?.text ?? "Choose", attributes: { ...ctx.attributes, class: ctx.input ? "picker picker-full" : "picker" },
    onChange: (values) => ctx.change(collect(values), node),
  });
  return node;
}

function single(el, ctx) {
  const all = flat(el);
  const now = ctx.initially({ type: el.type, selected_option: el.initial_option ?? null });
  return draw(el, ctx, {
    options: all.map(choice), selected: now.selected_option ? [now.selected_option.value] : [],
    collect: ([value]) => ({ type: el.type, selected_option: all.find((o) => o.option.value === value)?.option ?? null }),
  });
}

function multiple(el, ctx) {
  const all = flat(el);
  const now = ctx.initially({ type: el.type, selected_options: el.initial_options ?? [] });
  return draw(el, ctx, {
    options: all.map(choice), multi: true, selected: (now.selected_options ?? []).map((o) => o.value),
    collect: (values) => ({ type: el.type, selected_options: values.map((v) => all.find((o) => o.option.value === v).option) }),
  });
}

const people = () => [...state.people.values()].filter((p) => !p.is_bot).map((p) => ({ value: p.id, text: personName(p.id), description: p.title, lead: () => avatar(p.id, "tiny") }));
const channels = () => [...state.channels.values()].filter((c) => c.kind === "channel").map((c) => ({ value: c.id, text: c.name, lead: () => icon("hash", 15) }));
const conversations = () => [
  ...channels(),
  ...[...state.channels.values()].filter((c) => c.kind !== "channel").map((c) => ({ value: c.id, text: channelName(c), lead: () => avatar(c.with, "tiny") })),
];

// name: users -> selected_user(s), initial_user(s)
const one = (options, name) => (el, ctx) => {
  const field = `selected_${name}`;
  const now = ctx.initially({ type: el.type, [field]: el[`initial_${name}`] ?? null });
  return draw(el, ctx, { options: options(), selected: now[field] ? [now[field]] : [], collect: ([value]) => ({ type: el.type, [field]: value ?? null }) });
};

const many = (options, name) => (el, ctx) => {
  const field = `selected_${name}s`;
  const now = ctx.initially({ type: el.type, [field]: el[`initial_${name}s`] ?? [] });
  return draw(el, ctx, { options: options(), multi: true, selected: now[field] ?? [], collect: (values) => ({ type: el.type, [field]: values }) });
};

export const selects = {
  static_select: single,
  external_select: single,
  multi_static_select: multiple,
  multi_external_select: multiple,
  users_select: one(people, "user"),
  multi_users_select: many(people, "user"),
  channels_select: one(channels, "channel"),
  multi_channels_select: many(channels, "channel"),
  conversations_select: one(conversations, "conversation"),
  multi_conversations_select: many(conversations, "conversation"),
};

