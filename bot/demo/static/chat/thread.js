// The thread beside the conversation.
import { Composer } from "./composer.js";
import { $, h, icon, keepingFocus } from "./dom.js";
import { messageNode } from "./message.js";
import { follows } from "./messages.js";
import { channelName, closeThread, findMessage, on, state, threadOf } from "./store.js";

let composer;
let shown = null;
let opener = null;

export function startThread() {
  composer = new Composer({ inputId: "thread-input", thread: true });
  on("thread", ({ opened, closed } = {}) => draw(opened, closed));
  on("messages", ({ channel }) => state.thread?.channel === channel && drawMessages());
  on("status", () => composer.enable());
  on("workspace", () => ((shown = null), draw()));
  $("#thread").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) closeThread();
  });
}

function draw(opened, closed) {
  const pane = $("#thread");
  const { channel, ts } = state.thread ?? {};
  pane.hidden = !state.thread;
  $("#app").classList.toggle("thread-open", Boolean(state.thread));
  if (closed) giveBackFocus();
  if (!state.thread) return void (shown = null);
  if (opened) opener = document.activeElement?.dataset?.fk;
  if (shown !== `${channel}/${ts}`) build(pane, channel, ts);
  drawMessages();
  if (opened) composer.input.focus();
}

function giveBackFocus() {
  const node = opener && document.querySelector(`#conversation [data-fk="${CSS.escape(opener)}"]`);
  (node ?? $("#composer-input"))?.focus({ preventScroll: true });
}

function build(pane, channel, ts) {
  shown = `${channel}/${ts}`;
  const known = state.channels.get(channel);
  const name = known?.kind === "channel" ? `#${known.name}` : channelName(known);
  pane.replaceChildren(
    h("header", { class: "thread-head" },
      h("div", {}, h("h2", { class: "thread-title" }, "Thread"), h("div", { class: "thread-where" }, name)),
      h("button", { type: "button", class: "tool", "aria-label": "Close the thread", title: "Close (Escape)", onclick: () => closeThread() }, icon("close"))),
    h("div", { class: "thread-scroll", tabindex: "0", role: "region", "aria-label": "Messages of the thread" }, h("ol", { class: "messages" }), composer.node));
  composer.open({ channel, thread_ts: ts, label: "Reply…" });
}

function drawMessages() {
  const { channel, ts } = state.thread;
  const list = $("#thread .messages");
  const scroll = $("#thread .thread-scroll");
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  const parent = findMessage(channel, ts);
  const replies = threadOf(channel, ts).filter((m) => m.ts !== ts);
  const nodes = replies.map((m, at) => messageNode(channel, m, { inThread: true, compact: at > 0 && follows(replies[at - 1], m) }));
  const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  keepingFocus(list, () => list.replaceChildren(
    ...(parent ? [messageNode(channel, parent, { inThread: true })] : []),
    ...(replies.length ? [h("li", { class: "thread-count" }, h("span", {}, count))] : []),
    ...nodes));
  if (atEnd) scroll.scrollTop = scroll.scrollHeight;
}
