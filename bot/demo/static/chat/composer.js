// The message box: completion, several lines, history, drafts.
import { announce } from "./announce.js";
import { suggest, withReferences } from "./completion.js";
import { h, icon, uid } from "./dom.js";
import { request } from "./interact.js";
import { escapeText } from "./mrkdwn.js";
import { addNotice, emit, personName, state } from "./store.js";

const REMEMBERED = 50;
const SLOW_MS = 350;
const sent = [];
const drafts = new Map();

const vocabulary = () => ({
  commands: state.commands,
  people: [
    ...[...state.people.values()].map((p) => ({ id: p.id, text: personName(p.id), description: p.title, reference: `<@${p.id}>` })),
    ...[...state.groups.values()].map((g) => ({ id: g.id, text: g.handle, description: `User group: ${g.name}`, reference: `<!subteam^${g.id}|@${g.handle}>` })),
  ],
  channels: [...state.channels.values()].filter((c) => c.kind === "channel").map((c) => ({ id: c.id, text: c.name, description: c.topic })),
});

export class Composer {
  #where = null;
  #found = null;
  #at = -1;
  #recalled = -1;

  /** `inputId` names the text box; `thread` makes it the thread's. */
  constructor({ inputId, thread = false }) {
    this.thread = thread;
    this.listId = uid("completion");
    this.input = h("textarea", {
      id: inputId, class: "composer-input", rows: "1", autocomplete: "off", spellcheck: "true", "aria-autocomplete": "list", "aria-controls": this.listId,
      oninput: () => this.#changed(), onkeydown: (event) => this.#key(event), onblur: () => this.#close(), onclick: () => this.#complete(),
    });
    this.list = h("ul", { class: "completion", role: "listbox", id: this.listId, "aria-label": "Suggestions", hidden: true });
    this.waiting = h("div", { class: "composer-waiting", role: "status" });
    this.sendButton = h("button", { type: "submit", class: "composer-send", "aria-label": "Send", title: "Send (Enter)" }, icon("send", 18));
    const slash = h("button", { type: "button", class: "tool", "aria-label": "Start a command", title: "Commands", onclick: () => this.fill("/") }, icon("slash", 18));
    this.node = h("form", { class: "composer", onsubmit: (event) => (event.preventDefault(), this.send()) },
      this.list,
      h("div", { class: "composer-box" }, this.input,
        h("div", { class: "composer-bar" }, thread ? null : slash,
          h("span", { class: "composer-hint", "aria-hidden": "true" }, h("kbd", {}, "Enter"), " to send, ", h("kbd", {}, "Shift Enter"), " for a new line"), this.sendButton)),
      this.waiting);
    this.closed = h("p", { class: "composer-closed", hidden: true }, "This channel is archived. Nothing can be sent to it.");
    this.node.append(this.closed);
    this.enable();
  }

  /** Writes to this conversation from now on; its draft comes back. */
  open({ channel, thread_ts, label, archived = false }) {
    this.#keep();
    this.#where = { channel, thread_ts };
    this.input.placeholder = label;
    this.input.setAttribute("aria-label", label);
    this.input.value = drafts.get(this.#key0()) ?? "";
    this.#recalled = -1;
    this.closed.hidden = !archived;
    this.input.parentElement.hidden = archived;
    this.#close();
    this.#fit();
    this.enable();
  }

  fill(text) {
    this.input.value = text;
    this.input.focus();
    this.#changed();
  }

  enable() {
    this.sendButton.disabled = state.status !== "online" || !this.input.value.trim();
  }

  send() {
    const text = this.input.value.trim();
    if (!text || !this.#where) return;
    if (state.status !== "online") return announce("Not connected. Your message is kept.");
    const { channel, thread_ts } = this.#where;
    // The server escapes what is said; only commands may carry references.
    const body = text.startsWith("/") ? withReferences(text, vocabulary()) : text;
    const done = this.#wait(text);
    request({ type: "say", channel, text: body, ...(thread_ts ? { thread_ts } : {}) }, ({ failed }) => {
      done();
      if (failed) addNotice(channel, escapeText(failed), thread_ts);
    });
    if (sent.at(-1) !== text) sent.push(text);
    sent.splice(0, sent.length - REMEMBERED);
    this.input.value = "";
    this.#changed();
    this.#recalled = -1;
    emit("sent", { thread_ts });
  }

  #wait(text) {
    const timer = setTimeout(() => {
      if (text.startsWith("/")) this.waiting.replaceChildren(h("span", { class: "spinner", "aria-hidden": "true" }), `Waiting for ${text.split(/\s/, 1)[0]} …`);
    }, SLOW_MS);
    return () => (clearTimeout(timer), this.waiting.replaceChildren());
  }

  #key0() {
    return `${state.me}/${this.#where.channel}/${this.#where.thread_ts ?? ""}`;
  }

  #keep() {
    if (this.#where) drafts.set(this.#key0(), this.input.value);
  }

  #changed() {
    this.#keep();
    this.enable();
    this.#fit();
    this.#complete();
  }

  #fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 220)}px`;
  }

  #complete() {
    this.#found = this.input.selectionStart === this.input.selectionEnd ? suggest(this.input.value, this.input.selectionStart, vocabulary()) : null;
    this.#at = this.#found?.chosen ?? -1;
    this.#draw();
  }

  #close() {
    this.#found = null;
    this.#draw();
  }

  #draw() {
    const items = this.#found?.items ?? [];
    this.list.hidden = !items.length;
    this.list.replaceChildren(...items.map((item, at) => h("li", {
      class: at === this.#at ? "completion-item active" : "completion-item", role: "option", id: `${this.listId}-${at}`, "aria-selected": String(at === this.#at),
      onpointerdown: (event) => (event.preventDefault(), this.#accept(at)),
    }, h("span", { class: "completion-label" }, item.label, item.hint ? h("span", { class: "completion-usage" }, ` ${item.hint}`) : null), h("span", { class: "completion-text" }, item.description ?? ""))));
    if (this.#at >= 0 && items.length) this.input.setAttribute("aria-activedescendant", `${this.listId}-${this.#at}`);
    else this.input.removeAttribute("aria-activedescendant");
    this.list.children[this.#at]?.scrollIntoView({ block: "nearest" });
  }

  #accept(at) {
    const { from, to, items } = this.#found;
    this.input.setRangeText(items[at].insert, from, to, "end");
    this.#changed();
  }

  #key(event) {
    if (event.isComposing) return;
    if (this.#found && this.#completionKey(event)) return event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.send();
    } else if (["ArrowUp", "ArrowDown"].includes(event.key) && !event.altKey) this.#recall(event);
  }

  #completionKey(event) {
    const count = this.#found.items.length;
    if (event.key === "Escape") this.#close();
    else if (event.key === "ArrowDown") this.#move((this.#at + 1) % count);
    else if (event.key === "ArrowUp" && this.#at >= 0) this.#move((this.#at - 1 + count) % count);
    else if (event.key === "Tab" && !event.shiftKey) this.#accept(Math.max(0, this.#at));
    else if (event.key === "Enter" && !event.shiftKey && this.#at >= 0) this.#accept(this.#at);
    else return false;
    if (event.key === "Escape") event.stopPropagation();
    return true;
  }

  #move(at) {
    this.#at = at;
    this.#draw();
  }

  #recall(event) {
    const browsing = this.#recalled >= 0 && this.input.value === sent[this.#recalled];
    if (this.input.value && !browsing) return;
    const to = event.key === "ArrowUp" ? (browsing ? this.#recalled - 1 : sent.length - 1) : browsing ? this.#recalled + 1 : -1;
    if (to < 0 || (event.key === "ArrowUp" && !sent.length)) return;
    event.preventDefault();
    this.#recalled = to;
    this.input.value = sent[to] ?? "";
    this.#changed();
    this.#close();
  }
}
