// What the page knows of the workspace. Everything shown is drawn from here; only this file changes it.

export const state = {
  status: "connecting",
  team: { id: "", name: "Demo workspace" },
  me: null,
  people: new Map(),
  groups: new Map(),
  personas: [],
  channels: new Map(),
  commands: [],
  messages: new Map(),
  links: [],
  home: null,
  hint: "",
  active: null,
  tab: "messages",
  thread: null,
  newFrom: new Map(),
  failures: new Map(),
};

const listeners = new Map();

/** Calls `listener` whenever the topic changes: status, workspace, channels, messages, active, thread, home, sent. */
export function on(topic, listener) {
  if (!listeners.has(topic)) listeners.set(topic, []);
  listeners.get(topic).push(listener);
}

export function emit(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

export function setStatus(status) {
  if (state.status === status) return;
  state.status = status;
  emit("status", status);
}

/** Takes a whole picture from the server. The conversation, thread and own notices stay for the same person. */
export function takeHello(hello) {
  const samePerson = state.me === hello.me;
  const before = samePerson ? state.messages : new Map();
  Object.assign(state, {
    team: hello.team ?? state.team,
    me: hello.me,
    people: new Map((hello.people ?? []).map((p) => [p.id, p])),
    groups: new Map((hello.groups ?? []).map((g) => [g.id, g])),
    personas: hello.personas ?? [],
    channels: new Map((hello.channels ?? []).map((c) => [c.id, { unread: 0, ...c }])),
    commands: hello.commands ?? [],
    links: hello.links ?? [],
    home: hello.home ?? null,
    hint: hello.hint ?? "",
  });
  state.messages = mergeMessages(hello.messages ?? {}, before);
  if (!samePerson) {
    state.thread = null;
    state.newFrom.clear();
    state.failures.clear();
  }
  if (!state.channels.has(state.active)) state.active = null;
  emit("workspace", { samePerson });
}

function mergeMessages(fresh, before) {
  const merged = new Map();
  for (const id of state.channels.keys()) {
    const list = [...(fresh[id] ?? [])];
    const known = new Set(list.map((m) => m.ts));
    list.push(...(before.get(id) ?? []).filter((m) => m.notice && !known.has(m.ts)));
    merged.set(id, list.sort(byTime));
  }
  return merged;
}

const byTime = (a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0);

export const messagesOf = (channel) => state.messages.get(channel) ?? [];
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;
export const threadOf = (channel, ts) => messagesOf(channel).filter((m) => m.ts === ts || m.thread_ts === ts);
export const findMessage = (channel, ts) => messagesOf(channel).find((m) => m.ts === ts);
export const person = (id) => state.people.get(id);
export const me = () => state.people.get(state.me);

/** The name that people see for an id. */
export function personName(id) {
  const known = state.people.get(id);
  return known ? known.real_name || known.name : id === "system" ? state.team.name : String(id ?? "");
}

export function channelName(channel) {
  if (!channel) return "";
  return channel.kind === "channel" ? channel.name : personName(channel.with) || channel.name;
}

export function addMessage(channel, message) {
  const list = messagesOf(channel).filter((m) => m.ts !== message.ts);
  list.push(message);
  state.messages.set(channel, list.sort(byTime));
  countReply(channel, message);
  const known = state.channels.get(channel);
  const mine = message.user === state.me;
  if (known && !mine && !isReply(message) && !isWatched(channel)) {
    if (!known.unread) state.newFrom.set(channel, message.ts);
    known.unread = (known.unread ?? 0) + 1;
    emit("channels");
  }
  emit("messages", { channel, added: message });
}

// The server may send the parent again with its new count; until then the page counts by itself.
function countReply(channel, message) {
  if (!isReply(message) || message.ephemeral) return;
  const list = messagesOf(channel);
  const at = list.findIndex((m) => m.ts === message.thread_ts);
  if (at < 0) return;
  const replies = list.filter((m) => isReply(m) && m.thread_ts === message.thread_ts && !m.ephemeral).length;
  list[at] = { ...list[at], reply_count: Math.max(list[at].reply_count ?? 0, replies) };
}

/** Whether the person is looking at this conversation's messages right now. */
export function isWatched(channel) {
  return state.active === channel && state.tab === "messages" && document.visibilityState === "visible";
}

export function changeMessage(channel, message) {
  const list = messagesOf(channel);
  const at = list.findIndex((m) => m.ts === message.ts);
  if (at < 0) return addMessage(channel, message);
  list[at] = message;
  emit("messages", { channel, changed: message });
}

export function deleteMessage(channel, ts) {
  state.messages.set(channel, messagesOf(channel).filter((m) => m.ts !== ts));
  if (state.thread?.channel === channel && state.thread.ts === ts) closeThread();
  emit("messages", { channel });
}

export function setChannel(channel) {
  const before = state.channels.get(channel.id) ?? { unread: 0 };
  const after = { ...before, ...channel };
  if (isWatched(channel.id)) after.unread = 0;
  state.channels.set(channel.id, after);
  if (!state.messages.has(channel.id)) state.messages.set(channel.id, []);
  emit("channels");
}

export function setHome(view) {
  state.home = view;
  emit("home");
}

export function activate(channel, tab = "messages") {
  const moved = state.active !== channel;
  if (moved && state.active) state.newFrom.delete(state.active);
  state.active = channel;
  state.tab = tab;
  if (moved && state.thread?.channel !== channel) state.thread = null;
  emit("active", { moved });
  emit("thread");
}

export function markRead(channel) {
  const known = state.channels.get(channel);
  if (!known) return;
  rememberNew(known);
  known.unread = 0;
  emit("channels");
}

function rememberNew(channel) {
  if (!channel.unread || state.newFrom.has(channel.id)) return;
  const top = messagesOf(channel.id).filter((m) => !isReply(m));
  const first = top[Math.max(0, top.length - channel.unread)];
  if (first) state.newFrom.set(channel.id, first.ts);
}

export function openThread(channel, ts) {
  state.thread = { channel, ts };
  emit("thread", { opened: true });
}

export function closeThread() {
  state.thread = null;
  emit("thread", { closed: true });
}

/** A notice under a message whose button got no answer; cleared by the next interaction with it. */
export function setFailure(channel, ts, text) {
  if (text) state.failures.set(`${channel}/${ts}`, text);
  else if (!state.failures.delete(`${channel}/${ts}`)) return;
  emit("messages", { channel, touched: ts });
}

/** A message of the page itself, for this person only. */
export function addNotice(channel, text, thread_ts) {
  const ts = (Date.now() / 1000).toFixed(6);
  addMessage(channel, { ts, user: "system", text, ephemeral: true, notice: true, thread_ts });
}
