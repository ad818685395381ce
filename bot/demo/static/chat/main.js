// Starts the page: the connection, what arrives over it, and the keys that work everywhere.
import { announce } from "./announce.js";
import { dismissHint, reveal, startConversation } from "./conversation.js";
import { useConnection } from "./interact.js";
import { closeAll, takeClosed, takeErrors, takeView } from "./modal.js";
import { plainWords } from "./mrkdwn.js";
import { Connection } from "./protocol.js";
import { goTo, startSidebar } from "./sidebar.js";
import * as store from "./store.js";
import { startThread } from "./thread.js";

const { state } = store;

const HANDLERS = {
  hello: takeHello,
  message: ({ channel, message }) => (store.addMessage(channel, message), speak(channel, message)),
  message_changed: ({ channel, message }) => store.changeMessage(channel, message),
  message_deleted: ({ channel, ts }) => store.deleteMessage(channel, ts),
  view: ({ action, view }) => takeView(action, view),
  view_closed: ({ view_id, all }) => takeClosed(view_id, all),
  view_errors: ({ view_id, errors }) => takeErrors(view_id, errors),
  home: ({ view }) => store.setHome(view),
  channel: ({ channel }) => store.setChannel(channel),
};

function takeHello(hello) {
  const wanted = sessionStorage.getItem("demo-persona");
  if (wanted && wanted !== hello.me && hello.personas?.includes(wanted) && state.me !== hello.me) {
    connection.send({ type: "be", user: wanted });
    if (!state.me || state.me === wanted) return;
  }
  if (state.me && state.me !== hello.me) closeAll();
  store.takeHello(hello);
  if (!state.active) open(location.hash) || goTo(firstChannel());
}

function firstChannel() {
  const all = [...state.channels.values()];
  return (all.find((c) => c.kind === "channel") ?? all[0])?.id;
}

// "#C1" or "#C1/1719835200.000100" or "#D1/home".
function open(hash) {
  const [channel, rest] = decodeURIComponent(hash.slice(1)).split("/");
  if (!state.channels.has(channel)) return false;
  goTo(channel, rest === "home" ? "home" : "messages");
  if (rest && rest !== "home") reveal(rest);
  return true;
}

// A permanent link to a message of this workspace stays in the page.
function followPermalink(event) {
  const anchor = event.target.closest?.("a[href]");
  const match = anchor && /\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(new URL(anchor.href).pathname);
  if (!match || event.ctrlKey || event.metaKey) return;
  if (open(`#${match[1]}/${match[2]}.${match[3]}`)) event.preventDefault();
}

function speak(channel, message) {
  if (message.user === state.me) return;
  const where = channel === state.active ? "" : ` in ${store.channelName(state.channels.get(channel))}`;
  announce(`${store.personName(message.user)}${where}: ${plainWords(message.text)}`);
}

function titles() {
  const unread = [...state.channels.values()].reduce((sum, c) => sum + (c.unread ?? 0), 0);
  const where = store.channelName(state.channels.get(state.active));
  document.title = `${unread ? `(${unread}) ` : ""}${where ? `${where} · ` : ""}${state.team.name}`;
}

function rememberPlace() {
  const hash = `#${state.active}${state.tab === "home" ? "/home" : ""}`;
  if (state.active && location.hash !== hash) history.replaceState(null, "", hash);
}

// Alt with up or down goes through the side bar, as in other chats.
function keys(event) {
  if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  const entries = [...document.querySelectorAll("#sidebar [data-channel]")];
  const at = entries.findIndex((n) => n.dataset.channel === state.active);
  const to = (at + (event.key === "ArrowDown" ? 1 : -1) + entries.length) % entries.length;
  const channel = entries[to].dataset.channel;
  goTo(channel, state.channels.get(channel).kind === "app" ? "home" : "messages");
}

const connection = new Connection({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/page/ws`,
  onMessage: (message) => HANDLERS[message.type]?.(message),
  onStatus: store.setStatus,
});

useConnection(connection);
startSidebar();
startConversation();
startThread();
for (const topic of ["workspace", "channels", "active"]) store.on(topic, titles);
store.on("active", rememberPlace);
addEventListener("hashchange", () => open(location.hash));
addEventListener("keydown", keys);
document.addEventListener("click", followPermalink);
store.on("sent", dismissHint);
connection.connect();
