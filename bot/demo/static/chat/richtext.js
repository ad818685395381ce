// rich_text blocks. Their text is not escaped: it is shown as it is.
import { h, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { broadcast, dateNode, mentionChannel, mentionPerson } from "./mrkdwn.js";

export function richText(block) {
  return h("div", { class: "rich-text" }, lists(block.elements ?? []));
}

// Neighbouring lists with different indents are one list to a reader; nest them by class.
function lists(elements) {
  return elements.map((element) => RENDER[element.type]?.(element) ?? null);
}

const RENDER = {
  rich_text_section: (e) => h("div", { class: "rich-section" }, inlines(e.elements)),
  rich_text_quote: (e) => h("blockquote", {}, inlines(e.elements)),
  rich_text_preformatted: (e) => h("pre", { class: "code-block", tabindex: "0" }, h("code", {}, inlines(e.elements, true))),
  rich_text_list: list,
};

function list(element) {
  const tag = element.style === "ordered" ? "ol" : "ul";
  const indent = Math.min(Number(element.indent ?? 0), 8);
  const start = tag === "ol" && element.offset ? { start: element.offset + 1 } : {};
  return h(tag, { class: `rich-list indent-${indent}`, ...start }, (element.elements ?? []).map((item) => h("li", {}, inlines(item.elements))));
}

export function inlines(elements, plain = false) {
  return (elements ?? []).map((element) => {
    const node = INLINE[element.type]?.(element) ?? null;
    return node && !plain ? styled(node, element.style) : node;
  });
}

const INLINE = {
  text: (e) => withBreaks(e.text),
  link: (e) => link(e.url, e.text ?? e.url),
  emoji: (e) => emoji(e.name) ?? (e.unicode ? fromUnicode(e.unicode) : `:${e.name}:`),
  user: (e) => mentionPerson(e.user_id),
  usergroup: (e) => h("span", { class: "mention" }, `@${e.usergroup_id}`),
  channel: (e) => mentionChannel(e.channel_id),
  broadcast: (e) => broadcast(e.range),
  date: (e) => dateNode(e.timestamp, e.format ?? "{date}", e.url, e.fallback),
  color: (e) => h("code", { class: "code" }, e.value),
};

const fromUnicode = (points) => String.fromCodePoint(...points.split("-").map((p) => Number.parseInt(p, 16)));

function withBreaks(text) {
  const parts = String(text ?? "").split("\n");
  return parts.flatMap((part, at) => (at ? [document.createTextNode("\n"), part] : [part]));
}

const STYLE_TAGS = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code" };

function styled(node, style) {
  let result = node;
  for (const [name, tag] of Object.entries(STYLE_TAGS)) {
    if (style?.[name]) result = h(tag, name === "code" ? { class: "code" } : {}, result);
  }
  return result;
}
