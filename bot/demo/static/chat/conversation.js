// The middle of the page: header, tabs of an app, messages or Home, message box and first hint.
import { avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { $, h, icon } from "./dom.js";
import { Home } from "./home.js";
import { request, tell } from "./interact.js";
import { MessageList } from "./messages.js";
import { mrkdwn } from "./mrkdwn.js";
import { activate, channelName, isWatched, markRead, messagesOf, on, person, state } from "./store.js";
import { drawer } from "./sidebar.js";

let list;
let home;
let composer;

export function startConversation() {
  list = new MessageList({ intro });
  home = new Home();
  composer = new Composer({ inputId: "composer-input" });
  $("#composer").append(h("div", { class: "hint-slot" }), composer.node);
  on("active", ({ moved }) => show(moved));
  on("workspace", () => show(true));
  on("channels", header);
  on("messages", (change) => {
    list.update(change);
    if (change.added && isWatched(change.channel)) read();
    if (change.added?.user === state.me) dismissHint();
  });
  on("home", () => home.draw());
  on("sent", ({ thread_ts }) => thread_ts || list.follow());
  on("status", () => (composer.enable(), connectionBanner()));
  document.addEventListener("visibilitychange", () => state.active && isWatched(state.active) && read());
}

export const reveal = (ts) => list.reveal(ts);

function show(moved) {
  const channel = state.channels.get(state.active);
  if (!channel) return;
  const atHome = channel.kind === "app" && state.tab === "home";
  header();
  $("#composer").hidden = atHome;
  if (atHome) {
    if (!$("#panel").contains(home.node)) $("#panel").replaceChildren(home.node);
    home.draw();
    request({ type: "home" });
    return;
  }
  const entering = moved || !$("#panel").contains(list.node);
  $("#panel").replaceChildren(list.node);
  if (!entering) return;
  if (isWatched(channel.id)) read();
  const label = channel.kind === "channel" ? `#${channel.name}` : channelName(channel);
  list.show(channel.id, label);
  composer.open({ channel: channel.id, label: `Message ${label}`, archived: channel.is_archived });
  drawHint();
}

function read() {
  markRead(state.active);
  tell({ type: "read", channel: state.active });
}

function header() {
  const channel = state.channels.get(state.active);
  if (!channel) return;
  const node = $("#conversation-header");
  const menu = h("button", { type: "button", class: "tool menu-button", id: "menu-button", "aria-label": "Open the side bar", "aria-expanded": "false", "data-fk": "menu", onclick: () => drawer(true) }, icon("menu", 22));
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.fk : null;
  node.replaceChildren(menu, title(channel), ...(channel.kind === "app" ? [tabs()] : []));
  if (focused) node.querySelector(`[data-fk="${CSS.escape(focused)}"]`)?.focus();
}

function title(channel) {
  const known = person(channel.with);
  const lead = channel.kind === "channel" ? icon(channel.is_private ? "lock" : "hash", 20) : avatar(channel.with, "small");
  const about = channel.kind === "channel" ? channel.topic : known?.title;
  return h("div", { class: "conversation-name" },
    h("h1", {}, lead, h("bdi", {}, channelName(channel)), known?.is_bot ? h("span", { class: "badge" }, "App") : null),
    about ? h("div", { class: "conversation-topic" }, channel.kind === "channel" ? mrkdwn(about) : about) : null);
}

function tabs() {
  const tab = (name, label) => h("button", {
    type: "button", role: "tab", class: "tab", "aria-selected": String(state.tab === name), tabindex: state.tab === name ? "0" : "-1", "data-fk": `tab/${name}`,
    onclick: () => activate(state.active, name),
    onkeydown: (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      activate(state.active, name === "home" ? "messages" : "home");
    },
  }, label);
  const bar = h("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the app" }, tab("home", "Home"), tab("messages", "Messages"));
  bar.addEventListener("keydown", (event) => ["ArrowLeft", "ArrowRight"].includes(event.key) && document.querySelector('.tab[aria-selected="true"]')?.focus());
  return bar;
}

function intro(channel) {
  if (channel.kind === "channel") {
    return h("div", { class: "intro" }, h("div", { class: "intro-mark" }, icon(channel.is_private ? "lock" : "hash", 28)), h("h2", {}, `#${channel.name}`), channel.topic ? h("p", {}, mrkdwn(channel.topic)) : null, h("p", {}, "This is where the channel begins."));
  }
  const known = person(channel.with);
  return h("div", { class: "intro" }, avatar(channel.with, "large"), h("h2", {}, channelName(channel)), h("p", {}, known?.is_bot ? "Messages from the app to you are kept here; only the two of you see them." : "This conversation is between the two of you."));
}

function connectionBanner() {
  const lost = state.status === "reconnecting";
  $("#app").dataset.state = state.status;
  $("#connection").replaceChildren(...(lost ? [h("span", { class: "spinner", "aria-hidden": "true" }), h("span", {}, "Reconnecting… What you type is kept.")] : []));
}

const HINT_KEY = "demo-hint-seen";
const HINT_UNTIL = 3;

function drawHint() {
  const slot = $("#composer .hint-slot");
  const channel = state.channels.get(state.active);
  const known = messagesOf(state.active).length > HINT_UNTIL;
  if (!state.hint || known || channel?.kind !== "channel" || sessionStorage.getItem(HINT_KEY)) return slot.replaceChildren();
  const hint = state.hint.replaceAll("`", "");
  const command = (/`(\/[^`]+)`/.exec(state.hint) ?? /(\/[a-z][\w-]*(?: [a-z][\w-]*)?)/i.exec(hint))?.[1];
  const [before, after] = command ? hint.split(command) : [hint, ""];
  slot.replaceChildren(h("div", { class: "first-hint" },
    h("span", { class: "first-hint-mark" }, icon("sync", 18)),
    h("span", { class: "first-hint-text" }, before, command ? h("code", { class: "code" }, command) : null, after),
    command ? h("button", { type: "button", class: "btn btn-small", onclick: () => composer.fill(command) }, "Write it for me") : null,
    h("button", { type: "button", class: "tool", "aria-label": "Dismiss the hint", onclick: () => (dismissHint(), $("#composer-input").focus()) }, icon("close", 16))));
}

export function dismissHint() {
  sessionStorage.setItem(HINT_KEY, "1");
  $("#composer .hint-slot").replaceChildren();
}
