// Building DOM nodes from data. Data only ever becomes text nodes and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";

function setProp(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "class") node.setAttribute("class", value);
  else if (name === "dataset") Object.assign(node.dataset, value);
  else if (["value", "checked", "textContent", "indeterminate"].includes(name)) node[name] = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** An element with attributes, listeners (`onclick`) and children (nodes, strings, arrays, nothing). */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setProp(node, name, value);
  node.append(...flatten(children));
  return node;
}

function flatten(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== "");
}

/** A drawing from the table of icons.js, hidden from assistive technology. */
export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  for (const d of ICONS[name] ?? ICONS.dot) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** The address when it is one a person may be sent to, else null. */
export function safeUrl(raw) {
  try {
    const url = new URL(String(raw), location.href);
    return ["http:", "https:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link that leaves the page in a tab of its own; plain text when the address is not safe. */
export function link(raw, children, props = {}) {
  const href = safeUrl(raw);
  if (!href) return h("span", {}, children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", ...props }, children);
}

let counter = 0;
/** An id that no other node of this page has. */
export const uid = (prefix = "n") => `${prefix}-${(counter += 1)}`;

export const $ = (selector, root = document) => root.querySelector(selector);

/** Runs `change`, then gives the focus (and caret) back to the same control of the new content. */
export function keepingFocus(container, change) {
  const active = document.activeElement;
  const key = container.contains(active) ? active.dataset.fk : undefined;
  const caret = key && typeof active.selectionStart === "number" ? [active.selectionStart, active.selectionEnd] : null;
  change();
  if (!key || container.contains(active)) return;
  const next = container.querySelector(`[data-fk="${CSS.escape(key)}"]`);
  next?.focus({ preventScroll: true });
  if (next && caret) next.setSelectionRange(...caret);
}

const ICONS = {
  dot: ["M12 11v2"],
  hash: ["M9.5 4 7.5 20", "M16.5 4l-2 16", "M4.5 9h16", "M3.5 15h16"],
  home: ["M4 11.5 12 4.5l8 7", "M6 10v9.5h12V10", "M10 19.5v-5h4v5"],
  chat: ["M4 5.5h16v11H10l-4.5 3.5v-3.5H4z"],
  reply: ["M4 5.5h16v11H10l-4.5 3.5v-3.5H4z", "M8 9.5h8", "M8 12.5h5"],
  down: ["m6 9.5 6 6 6-6"],
  arrowDown: ["M12 5v14", "m6 13 6 6 6-6"],
  check: ["m5 12.5 4.5 4.5L19 7"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  send: ["M4.5 12 20 4.5 15 20l-3.5-6z", "M11.5 14 20 4.5"],
  more: ["M6 12h.01", "M12 12h.01", "M18 12h.01"],
  moreVertical: ["M12 6h.01", "M12 12h.01", "M12 18h.01"],
  sun: ["M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z", "M12 2.5v2", "M12 19.5v2", "M2.5 12h2", "M19.5 12h2", "m5.3 5.3 1.4 1.4", "m17.3 17.3 1.4 1.4", "m5.3 18.7 1.4-1.4", "m17.3 6.7 1.4-1.4"],
  moon: ["M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z"],
  system: ["M3.5 5h17v11h-17z", "M9 20h6", "M12 16v4"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  external: ["M10 5H5v14h14v-5", "M13.5 4.5h6v6", "m19 5-8.5 8.5"],
  mail: ["M3.5 6h17v12.5h-17z", "m4 7 8 6 8-6"],
  people: ["M9 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z", "M2.5 19.5c.5-3.6 3-5.5 6.5-5.5s6 1.9 6.5 5.5", "M16 5a3.3 3.3 0 0 1 0 6.2", "M18.2 14.6c2 .800 3.1 2.5 3.4 4.9"],
  file: ["M6 3.5h8l4.5 4.5v12.5H6z", "M14 3.5v5h4.5"],
  download: ["M12 4v11", "m7 10.5 5 5 5-5", "M4.5 19.5h15"],
  alert: ["M12 3.8 21.5 20h-19z", "M12 10v4.5", "M12 17.3h.01"],
  info: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z", "M12 11v5.5", "M12 7.8h.01"],
  ok: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z", "m8 12.3 2.8 2.8L16 9.5"],
  eye: ["M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z", "M12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z"],
  back: ["m14.5 5.5-6.5 6.5 6.5 6.5"],
  search: ["M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12z", "m15 15 5 5"],
  lock: ["M6 10.5h12v9H6z", "M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5"],
  slash: ["M16 4 8 20"],
  sync: ["M4.5 9.5h14l-4-4.5", "M19.5 14.5h-14l4 4.5"],
};
