// Modals: a stack of views in one dialog, checked before they are sent.
import { announce } from "./announce.js";
import { blocks } from "./blocks.js";
import { showDialog } from "./dialog.js";
import { h, icon, keepingFocus, uid } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { request, viewSurface } from "./interact.js";
import { forget } from "./surface.js";
import { check } from "./validate.js";

let stack = [];
let dialog = null;
let opener = null;

const top = () => stack.at(-1);

/** Takes a view from the server: open, push or update. */
export function takeView(action, view) {
  const at = stack.findIndex((entry) => entry.view.id === view.id);
  if (at >= 0) update(stack[at], view);
  else if (action === "update" && stack.length) replaceTop(view);
  else {
    if (action === "open") stack = [];
    stack.push(newEntry(view));
  }
  draw(action !== "update");
}

function newEntry(view) {
  const entry = { view, busy: false, problem: null };
  entry.surface = viewSurface(view, (text) => ((entry.problem = text), entry === top() && draw(false)));
  return entry;
}

function update(entry, view) {
  Object.assign(entry, { view, busy: false, problem: null });
  entry.surface.errors = {};
}

function replaceTop(view) {
  stack[stack.length - 1] = newEntry(view);
}

export function takeErrors(viewId, errors) {
  const entry = stack.find((e) => e.view.id === viewId);
  if (!entry) return;
  entry.busy = false;
  showErrors(entry, errors);
}

function showErrors(entry, errors) {
  entry.surface.errors = errors;
  if (entry !== top()) return;
  draw(false);
  const texts = Object.values(errors);
  announce(texts.join(" "));
  const first = dialog.querySelector(".block.invalid");
  first?.querySelector("input, textarea, button")?.focus();
  first?.scrollIntoView({ block: "nearest" });
}

export function takeClosed(viewId, all) {
  const at = stack.findIndex((e) => e.view.id === viewId);
  const gone = all ? stack.splice(0) : at >= 0 ? stack.splice(at) : [];
  gone.forEach((e) => forget(e.surface.key));
  if (stack.length) draw(true);
  else shut();
}

export function closeAll() {
  stack = [];
  shut();
}

function shut() {
  if (!dialog) return;
  dialog.close();
  dialog.remove();
  dialog = null;
  const again = opener?.isConnected ? opener : opener?.dataset?.fk && document.querySelector(`[data-fk="${CSS.escape(opener.dataset.fk)}"]`);
  (again || document.querySelector("#composer-input"))?.focus({ preventScroll: true });
}

// Closing shows at once; the server is told and need not answer.
function close(all) {
  const entry = top();
  if (!entry || entry.busy) return;
  request({ type: "close", view_id: entry.view.id, all });
  takeClosed(entry.view.id, all);
}

function submit() {
  const entry = top();
  if (entry.busy) return;
  const errors = check(entry.view.blocks, entry.surface.state().values);
  if (Object.keys(errors).length) return showErrors(entry, errors);
  Object.assign(entry, { busy: true, problem: null });
  entry.surface.errors = {};
  draw(false);
  request({ type: "submit", view_id: entry.view.id, state: entry.surface.state() }, ({ failed }) => {
    entry.busy = false;
    entry.problem = failed ?? null;
    if (failed) announce(failed);
    if (entry === top()) draw(false);
  });
}

function draw(moved) {
  const entry = top();
  if (!dialog) {
    opener = document.activeElement;
    dialog = h("dialog", { class: "modal", tabindex: "-1" });
    showDialog(dialog, () => close(false));
    moved = true;
  }
  const title = uid("title");
  dialog.setAttribute("aria-labelledby", title);
  dialog.setAttribute("aria-busy", String(entry.busy));
  const scrolled = moved ? 0 : (dialog.querySelector(".modal-body")?.scrollTop ?? 0);
  keepingFocus(dialog, () => dialog.replaceChildren(form(entry, title)));
  dialog.querySelector(".modal-body").scrollTop = scrolled;
  if (moved || !dialog.contains(document.activeElement)) focusFirst();
}

function focusFirst() {
  const wanted = dialog.querySelector("[autofocus]") ?? dialog.querySelector(".modal-body :is(input, textarea, .picker)") ?? dialog.querySelector(".modal-foot .btn-primary") ?? dialog.querySelector("button");
  wanted?.focus({ preventScroll: true });
}

function form(entry, title) {
  const { view, surface, busy, problem } = entry;
  const text = (object, otherwise) => withEmoji(object?.text ?? otherwise);
  return h("form", { class: "modal-form", novalidate: true, onsubmit: (event) => (event.preventDefault(), view.submit && submit()) },
    h("header", { class: "modal-head" },
      stack.length > 1 ? h("button", { type: "button", class: "tool", "aria-label": "Back", "data-fk": "modal/back", onclick: () => close(false) }, icon("back", 20)) : null,
      h("h2", { class: "modal-title", id: title }, text(view.title)),
      h("button", { type: "button", class: "tool", "aria-label": "Close", "data-fk": "modal/close", onclick: () => close(true) }, icon("close", 20))),
    h("div", { class: "modal-body", tabindex: "0", role: "group", "aria-labelledby": title },
      problem ? h("div", { class: "block alert alert-error", role: "alert" }, icon("alert", 20), h("div", { class: "text" }, problem)) : null,
      blocks(view.blocks, surface)),
    h("footer", { class: "modal-foot" },
      h("button", { type: "button", class: "btn", "data-fk": "modal/cancel", onclick: () => close(false) }, text(view.close, view.submit ? "Cancel" : "Close")),
      view.submit ? h("button", { type: "submit", class: "btn btn-primary", "data-fk": "modal/submit", "aria-busy": busy ? "true" : null }, text(view.submit)) : null));
}
