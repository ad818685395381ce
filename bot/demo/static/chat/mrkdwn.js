// Slack's mrkdwn to DOM nodes. A message's text arrives escaped; each piece is unescaped exactly once, at its leaf.
import { h, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelName, person, personName, state } from "./store.js";
import { dateToken } from "./time.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

export const unescapeText = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);
export const escapeText = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);

const STYLES = { "*": "strong", _: "em", "~": "s" };

/** Nodes for a whole text: fenced code, quotes, lines and inline marks. */
export function mrkdwn(text) {
  const nodes = [];
  const parts = String(text ?? "").split(/```/);
  parts.forEach((part, at) => {
    const fenced = at % 2 === 1 && at < parts.length - 1;
    if (fenced) nodes.push(h("pre", { class: "code-block", tabindex: "0" }, h("code", {}, codeText(part.replace(/^\n/, "").replace(/\n$/, "")))));
    else nodes.push(...lines((at % 2 === 1 ? "```" : "") + trimAround(part, at, parts.length)));
  });
  return nodes;
}

function trimAround(part, at, count) {
  let text = part;
  if (at > 0) text = text.replace(/^\n/, "");
  if (at < count - 1) text = text.replace(/\n$/, "");
  return text;
}

function lines(text) {
  const nodes = [];
  let quote = null;
  let first = true;
  for (const line of text === "" ? [] : text.split("\n")) {
    const quoted = /^(?:&gt;|>) ?(.*)$/s.exec(line);
    if (quoted) {
      if (quote) quote.append(h("br"));
      else nodes.push((quote = h("blockquote")));
      quote.append(...inline(quoted[1]));
    } else {
      if (!first && !quote) nodes.push(h("br"));
      quote = null;
      nodes.push(...inline(line));
    }
    first = false;
  }
  return nodes;
}

const TOKEN = /`([^`\n]+)`|<([^<>\n]+)>|:([a-z0-9_+-]+):|(https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)*_~])|([*_~])/g;

/** Nodes for one line. */
export function inline(text) {
  const nodes = [];
  let done = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const { node, end } = token(text, match) ?? {};
    if (!node) continue;
    if (match.index > done) nodes.push(unescapeText(text.slice(done, match.index)));
    nodes.push(node);
    done = end;
    TOKEN.lastIndex = end;
  }
  if (done < text.length) nodes.push(unescapeText(text.slice(done)));
  return nodes;
}

function token(text, match) {
  const [whole, code, angle, short, url, mark] = match;
  const end = match.index + whole.length;
  if (code !== undefined) return { node: h("code", { class: "code" }, codeText(code)), end };
  if (angle !== undefined) return { node: reference(angle), end };
  if (short !== undefined) return emoji(short) ? { node: emoji(short), end } : null;
  if (url !== undefined) return { node: link(unescapeText(url), unescapeText(url)), end };
  return marked(text, match.index, mark);
}

// A mark opens before a non-space at a word's start and closes after a non-space at a word's end.
function marked(text, start, mark) {
  const before = text[start - 1] ?? " ";
  const after = text[start + 1] ?? " ";
  if (/[\p{L}\p{N}]/u.test(before) || before === mark || /\s/.test(after) || after === mark) return null;
  for (let at = text.indexOf(mark, start + 2); at > 0; at = text.indexOf(mark, at + 1)) {
    const closes = !/\s/.test(text[at - 1]) && !/[\p{L}\p{N}]/u.test(text[at + 1] ?? " ");
    if (!closes || insideToken(text, start, at)) continue;
    return { node: h(STYLES[mark], {}, inline(text.slice(start + 1, at))), end: at + 1 };
  }
  return null;
}

function insideToken(text, start, at) {
  const between = text.slice(start + 1, at);
  const ticks = (between.match(/`/g) ?? []).length;
  return ticks % 2 === 1 || between.lastIndexOf("<") > between.lastIndexOf(">");
}

// Inside code, references show what they stand for and nothing is styled.
function codeText(text) {
  const plain = text.replace(/<((?:https?|mailto)[^<>|]*)(?:\|([^<>]*))?>/g, (_, url, label) => label ?? url);
  return unescapeText(plain);
}

function reference(body) {
  const cut = body.indexOf("|");
  const target = cut < 0 ? body : body.slice(0, cut);
  const label = cut < 0 ? null : unescapeText(body.slice(cut + 1));
  if (target.startsWith("@")) return mentionPerson(target.slice(1), label);
  if (target.startsWith("#")) return mentionChannel(target.slice(1), label);
  if (target.startsWith("!")) return special(target.slice(1), label);
  return link(unescapeText(target), label ?? unescapeText(target).replace(/^mailto:/, ""));
}

export function mentionPerson(id, label) {
  const mine = id === state.me;
  const name = person(id) ? personName(id) : (label ?? id);
  return h("span", { class: mine ? "mention mention-me" : "mention" }, `@${name}`);
}

export function mentionChannel(id, label) {
  const known = state.channels.get(id);
  if (!known) return h("span", { class: "mention" }, `#${label ?? id}`);
  return h("a", { class: "mention", href: `#${id}` }, `#${channelName(known)}`);
}

export function broadcast(range) {
  return h("span", { class: "mention mention-me" }, `@${range}`);
}

export function dateNode(seconds, pattern, url, fallback) {
  const text = dateToken(seconds, pattern) ?? fallback ?? "";
  const time = h("time", { title: fallback }, text);
  return url ? link(url, time) : time;
}

function special(target, label) {
  const [name, ...rest] = target.split("^");
  if (name === "date") return dateNode(rest[0], unescapeText(rest[1] ?? "{date}"), rest[2] && unescapeText(rest[2]), label);
  if (name === "subteam") return h("span", { class: "mention" }, label ?? `@${state.groups.get(rest[0])?.handle ?? rest[0]}`);
  if (["here", "channel", "everyone"].includes(name)) return broadcast(name);
  return label ?? `<${target}>`;
}

/** The words of an escaped text, for announcements and titles. */
export function plainWords(text) {
  return h("div", {}, mrkdwn(text)).textContent.replace(/\s+/g, " ").trim();
}
