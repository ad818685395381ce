// The markdown block: the common part of Markdown, as DOM nodes.
import { h, link } from "./dom.js";
import { withEmoji } from "./emoji.js";

const BLOCKS = [
  { starts: /^```/, read: fence },
  { starts: /^#{1,6} /, read: heading },
  { starts: /^(?:-{3,}|\*{3,}|_{3,})\s*$/, read: (lines) => (lines.shift(), h("hr")) },
  { starts: /^> ?/, read: quote },
  { starts: /^\s*(?:[-*+]|\d+[.)]) /, read: list },
  { starts: /^\|.*\|\s*$/, read: table },
];

export function markdown(text) {
  return h("div", { class: "markdown" }, blocks(String(text ?? "").split("\n")));
}

function blocks(lines) {
  const nodes = [];
  while (lines.length) {
    if (!lines[0].trim()) {
      lines.shift();
      continue;
    }
    const kind = BLOCKS.find((b) => b.starts.test(lines[0]));
    nodes.push(kind ? kind.read(lines) : paragraph(lines));
  }
  return nodes;
}

function takeWhile(lines, test) {
  const taken = [];
  while (lines.length && test(lines[0])) taken.push(lines.shift());
  return taken;
}

function paragraph(lines) {
  const taken = [lines.shift(), ...takeWhile(lines, (l) => l.trim() && !BLOCKS.some((b) => b.starts.test(l)))];
  return h("p", {}, taken.flatMap((line, at) => (at ? [h("br"), ...spans(line)] : spans(line))));
}

function fence(lines) {
  lines.shift();
  const body = takeWhile(lines, (l) => !l.startsWith("```"));
  lines.shift();
  return h("pre", { class: "code-block", tabindex: "0" }, h("code", {}, body.join("\n")));
}

function heading(lines) {
  const [, marks, words] = /^(#{1,6}) (.*)$/.exec(lines.shift());
  return h("p", { class: `md-heading md-h${Math.min(marks.length, 3)}` }, spans(words));
}

function quote(lines) {
  const body = takeWhile(lines, (l) => l.startsWith(">")).map((l) => l.replace(/^> ?/, ""));
  return h("blockquote", {}, blocks(body));
}

function list(lines) {
  const ordered = /^\s*\d/.test(lines[0]);
  const items = takeWhile(lines, (l) => /^\s*(?:[-*+]|\d+[.)]) /.test(l));
  return h(ordered ? "ol" : "ul", {}, items.map((l) => {
    const [, space, words] = /^(\s*)(?:[-*+]|\d+[.)]) (.*)$/.exec(l);
    return h("li", { class: space.length > 1 ? "nested" : null }, spans(words));
  }));
}

function table(lines) {
  const cells = (l) => l.trim().slice(1, -1).split("|").map((c) => c.trim());
  const rows = takeWhile(lines, (l) => /^\|.*\|\s*$/.test(l)).map(cells);
  const body = rows.slice(1).filter((r) => !r.every((c) => /^:?-+:?$/.test(c)));
  return h("div", { class: "table-wrap", role: "group", "aria-label": "Table", tabindex: "0" },
    h("table", {},
      h("thead", {}, h("tr", {}, rows[0].map((c) => h("th", { scope: "col" }, spans(c))))),
      h("tbody", {}, body.map((r) => h("tr", {}, r.map((c) => h("td", {}, spans(c))))))));
}

const SPAN = /`([^`]+)`|\[([^\]]+)\]\(([^()\s]+)\)|\*\*([^*]+)\*\*|__([^_]+)__|~~([^~]+)~~|\*([^*\s][^*]*)\*|(?<![\p{L}\p{N}])_([^_\s][^_]*)_(?![\p{L}\p{N}])|(https?:\/\/[^\s<>"')]+)/gu;

function spans(text) {
  const nodes = [];
  let done = 0;
  for (const match of text.matchAll(SPAN)) {
    nodes.push(withEmoji(text.slice(done, match.index)), span(match));
    done = match.index + match[0].length;
  }
  nodes.push(withEmoji(text.slice(done)));
  return nodes;
}

function span([, code, label, url, bold, bold2, strike, italic, italic2, bare]) {
  if (code !== undefined) return h("code", { class: "code" }, code);
  if (label !== undefined) return link(url, spans(label));
  if (bare !== undefined) return link(bare, bare);
  if (strike !== undefined) return h("s", {}, spans(strike));
  if (bold !== undefined || bold2 !== undefined) return h("strong", {}, spans(bold ?? bold2));
  return h("em", {}, spans(italic ?? italic2));
}
