// The list of a conversation: days, the "new" line, grouping, and a scroll position that stays put.
import { h, icon, keepingFocus } from "./dom.js";
import { messageNode } from "./message.js";
import { isReply, messagesOf, state } from "./store.js";
import { dayKey, dayName } from "./time.js";

const GROUP_SECONDS = 300;
const NEAR_END = 60;

export class MessageList {
  #drawn = new Map();
  #channel = null;
  #stuck = true;
  #end = 0;
  #unseen = 0;

  /** `intro(channel)` gives the node above the first message. */
  constructor({ intro }) {
    this.intro = intro;
    this.list = h("ol", { class: "messages" });
    this.top = h("div", { class: "intro-slot" });
    this.pill = h("button", { type: "button", class: "pill", hidden: true, onclick: () => this.toEnd(true) });
    this.inner = h("div", { class: "scroller-inner" }, this.top, this.list);
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Messages" }, this.inner);
    this.node = h("div", { class: "scroller-frame" }, this.scroller, this.pill);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#following() && this.toEnd()).observe(this.inner);
    new ResizeObserver(() => this.#following() && this.toEnd()).observe(this.scroller);
  }

  show(channel, label) {
    this.#channel = channel;
    this.#drawn.clear();
    this.#unseen = 0;
    this.scroller.setAttribute("aria-label", `Messages: ${label}`);
    this.top.replaceChildren(this.intro(state.channels.get(channel)) ?? "");
    this.#draw();
    const fresh = this.list.querySelector(".divider-new");
    this.#stuck = true;
    this.toEnd();
    if (fresh && fresh.offsetTop < this.scroller.scrollTop) fresh.scrollIntoView({ block: "start" });
  }

  /** Takes a change of the store: {channel, added?, changed?, touched?}. */
  update({ channel, added, changed, touched }) {
    if (channel !== this.#channel) return;
    if (touched) this.#drawn.delete(touched);
    if (changed?.thread_ts || added?.thread_ts) this.#drawn.delete((changed ?? added).thread_ts);
    const stick = this.#following() || (added && added.user === state.me && !isReply(added));
    const before = this.scroller.scrollTop;
    keepingFocus(this.list, () => this.#draw());
    if (stick) this.toEnd();
    else {
      this.scroller.scrollTop = before;
      if (added && !isReply(added)) this.#unseen += 1;
    }
    this.#drawPill();
  }

  redraw() {
    this.#drawn.clear();
    keepingFocus(this.list, () => this.#draw());
  }

  /** Goes to the end and stays there, as after one's own message or command. */
  follow() {
    this.#stuck = true;
    this.#unseen = 0;
    this.toEnd();
    this.#drawPill();
  }

  toEnd(smooth = false) {
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth ? "smooth" : "instant" });
    this.#end = this.scroller.scrollHeight - this.scroller.clientHeight;
  }

  /** Scrolls to a message and marks it for a moment. */
  reveal(ts) {
    const node = this.list.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
    if (!node) return;
    this.#stuck = false;
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    node.classList.add("revealed");
    setTimeout(() => node.classList.remove("revealed"), 2400);
  }

  /** Whether the end is followed: a scroll upwards counts at once, before its event comes. */
  #following() {
    return this.#stuck && (this.#nearEnd() || this.scroller.scrollTop > this.#end - NEAR_END);
  }

  #nearEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  #scrolled() {
    this.#stuck = this.#nearEnd() || this.#following();
    if (this.#stuck) this.#unseen = 0;
    this.#drawPill();
  }

  #drawPill() {
    this.pill.hidden = this.#stuck;
    const words = this.#unseen ? `${this.#unseen} new ${this.#unseen === 1 ? "message" : "messages"}` : "Latest messages";
    this.pill.replaceChildren(icon("arrowDown", 15), words);
    this.pill.classList.toggle("pill-new", this.#unseen > 0);
  }

  #draw() {
    const nodes = [];
    const kept = new Map();
    const fresh = state.newFrom.get(this.#channel);
    let previous = null;
    for (const message of messagesOf(this.#channel).filter((m) => !isReply(m) || m.ephemeral)) {
      const newDay = !previous || dayKey(previous.ts) !== dayKey(message.ts);
      if (newDay) nodes.push(divider("divider-day", dayName(message.ts)));
      if (fresh === message.ts) nodes.push(divider("divider-new", "New"));
      const compact = !newDay && fresh !== message.ts && follows(previous, message);
      const node = this.#messageNode(message, compact);
      kept.set(message.ts, node);
      nodes.push(node.element);
      previous = message;
    }
    this.#drawn = kept;
    place(this.list, nodes);
  }

  #messageNode(message, compact) {
    const known = this.#drawn.get(message.ts);
    if (known && known.message === message && known.compact === compact) return known;
    return { message, compact, element: messageNode(this.#channel, message, { compact }) };
  }
}

const divider = (name, words) => h("li", { class: `divider-line ${name}` }, h("span", {}, words));

export function follows(previous, message) {
  return previous.user === message.user && Boolean(previous.ephemeral) === Boolean(message.ephemeral) && !message.blocks?.length && !previous.blocks?.length
    && !previous.reply_count && Number(message.ts) - Number(previous.ts) < GROUP_SECONDS;
}

// Moves only what is not in its place, so that untouched messages keep their state.
function place(list, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, at) => {
    if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
  });
}
