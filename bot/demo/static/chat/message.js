// One message: who, when, what, and what can be done with it.
import { avatar } from "./avatar.js";
import { blocks } from "./blocks.js";
import { h, icon, safeUrl } from "./dom.js";
import { messageSurface } from "./interact.js";
import { mrkdwn } from "./mrkdwn.js";
import { isReply, messagesOf, openThread, person, personName, state } from "./store.js";
import { clock, full } from "./time.js";

/** Draws a message. `compact`: the same person goes on; `inThread`: no way into the thread is offered. */
export function messageNode(channel, message, { compact = false, inThread = false } = {}) {
  const name = personName(message.user);
  const classes = ["message", compact && "compact", message.ephemeral && "ephemeral", message.notice && "notice"];
  const node = h("li", { class: classes.filter(Boolean).join(" "), dataset: { ts: message.ts }, tabindex: "-1" },
    compact ? h("span", { class: "message-gutter" }, stamp(message)) : avatar(message.user),
    h("div", { class: "message-body" },
      h("div", { class: compact ? "message-head visually-hidden" : "message-head" },
        h("bdi", { class: "message-name" }, name),
        person(message.user)?.is_bot ? h("span", { class: "badge" }, "App") : null,
        compact ? null : stamp(message)),
      message.ephemeral ? h("div", { class: "only-you" }, icon("eye", 14), "Only visible to you") : null,
      content(channel, message),
      (message.files ?? []).map(file),
      inThread ? null : replies(channel, message),
      failure(channel, message)));
  if (!inThread && !message.ephemeral) node.append(tools(channel, message, name));
  return node;
}

const stamp = (message) => h("time", { class: "message-time", datetime: new Date(Number(message.ts) * 1000).toISOString(), title: full(message.ts) }, clock(message.ts));

function content(channel, message) {
  const edited = message.edited ? h("span", { class: "edited" }, "(edited)") : null;
  if (!message.blocks?.length) return h("div", { class: "message-text text", dir: "auto" }, mrkdwn(message.text), edited ? [" ", edited] : null);
  return h("div", { class: "message-blocks" }, blocks(message.blocks, messageSurface(channel, message)), edited);
}

const SIZES = ["bytes", "KB", "MB"];

function size(bytes) {
  let value = Number(bytes ?? 0);
  let unit = 0;
  while (value >= 1000 && unit < SIZES.length - 1) (value /= 1000, unit += 1);
  return `${unit ? value.toFixed(1) : value} ${SIZES[unit]}`;
}

function file({ name, url, size: bytes, alt }) {
  const href = safeUrl(url);
  const kind = /\.(\w{1,5})$/.exec(name ?? "")?.[1]?.toUpperCase();
  const seen = href && kind === "PNG" ? h("img", { class: "file-picture", src: href, alt: alt || name, loading: "lazy" }) : null;
  return [seen, h(href ? "a" : "span", { class: "file", ...(href ? { href, download: name } : {}) },
    h("span", { class: "file-icon" }, icon("file", 22)),
    h("span", { class: "menu-text" }, h("span", { class: "file-name" }, name), h("span", { class: "menu-hint" }, [kind, bytes === undefined ? null : size(bytes)].filter(Boolean).join(" · "))),
    icon("download", 18))];
}

function replies(channel, message) {
  const all = messagesOf(channel).filter((m) => isReply(m) && m.thread_ts === message.ts);
  const count = Math.max(message.reply_count ?? 0, all.length);
  if (!count) return null;
  const who = [...new Set(all.map((m) => m.user))].slice(0, 4);
  const last = all.at(-1);
  return h("button", { type: "button", class: "replies", "data-fk": `replies/${message.ts}`, onclick: () => openThread(channel, message.ts) },
    h("span", { class: "replies-faces" }, who.map((id) => avatar(id, "small"))),
    h("span", { class: "replies-count" }, count === 1 ? "1 reply" : `${count} replies`),
    last ? h("span", { class: "replies-last" }, `Last reply ${clock(last.ts)}`) : null);
}

function failure(channel, message) {
  const text = state.failures.get(`${channel}/${message.ts}`);
  return text ? h("div", { class: "failure", role: "alert" }, icon("alert", 16), text) : null;
}

function tools(channel, message, name) {
  return h("div", { class: "message-tools" },
    h("button", { type: "button", class: "tool", "aria-label": `Reply in thread to ${name}`, title: "Reply in thread", "data-fk": `tool/${message.ts}`, onclick: () => openThread(channel, message.ts) }, icon("reply", 18)));
}
