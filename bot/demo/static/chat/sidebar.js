// The side bar: conversations with their unread counts, the company's pages, and who one is.
import { avatar } from "./avatar.js";
import { $, h, icon, keepingFocus, safeUrl } from "./dom.js";
import { tell } from "./interact.js";
import { openMenu } from "./popover.js";
import { activate, channelName, me, on, person, personName, state } from "./store.js";
import { themeButton } from "./theme.js";

const PRODUCT = "Demo workspace";
const theme = themeButton();

export function startSidebar() {
  for (const topic of ["workspace", "channels", "active"]) on(topic, draw);
  $("#scrim").addEventListener("click", () => drawer(false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && $("#app").classList.contains("drawer-open") && drawer(false));
}

const phone = matchMedia("(max-width: 760px)");

/** On a phone the side bar is a drawer over the conversation. */
export function drawer(open) {
  $("#app").classList.toggle("drawer-open", open);
  $("#scrim").hidden = !open;
  document.querySelector("#menu-button")?.setAttribute("aria-expanded", String(open));
  if (!phone.matches) return;
  if (open) $("#sidebar").querySelector('[aria-current="page"], button')?.focus();
  else if ($("#sidebar").contains(document.activeElement)) document.querySelector("#menu-button")?.focus();
}

/** Opens a conversation, on its Home tab where it is an app's and nothing else was asked for. */
export function goTo(channel, tab = "messages") {
  drawer(false);
  activate(channel, tab);
}

function draw() {
  const side = $("#sidebar");
  keepingFocus(side, () => {
    const scrolled = side.querySelector(".side-scroll")?.scrollTop ?? 0;
    side.replaceChildren(brand(), h("div", { class: "side-scroll" }, groups(), pages()), persona());
    side.querySelector(".side-scroll").scrollTop = scrolled;
  });
}

function brand() {
  return h("div", { class: "side-brand" },
    h("span", { class: "side-mark", "aria-hidden": "true" }, icon("chat", 20)),
    h("span", { class: "side-team" }, h("span", { class: "side-team-name" }, state.team.name), state.team.name === PRODUCT ? null : h("span", { class: "side-product" }, PRODUCT)),
    theme);
}

const GROUPS = [
  ["Channels", "channel"],
  ["Direct messages", "im"],
  ["Apps", "app"],
];

function groups() {
  const all = [...state.channels.values()];
  return GROUPS.map(([title, kind]) => {
    const mine = all.filter((c) => c.kind === kind);
    return mine.length ? group(title, mine.map(entry)) : null;
  });
}

function group(title, entries) {
  return h("section", { class: "side-group" }, h("h2", { class: "side-title" }, title), h("ul", { class: "side-list" }, entries.map((e) => h("li", {}, e))));
}

function entry(channel) {
  const current = state.active === channel.id;
  const unread = current ? 0 : (channel.unread ?? 0);
  const name = channelName(channel);
  const lead = channel.kind === "channel" ? icon(channel.is_private ? "lock" : "hash", 17) : avatar(channel.with, "tiny");
  return h("button", {
    type: "button", class: unread ? "side-entry unread" : "side-entry", "aria-current": current ? "page" : null, "data-fk": `side/${channel.id}`, dataset: { channel: channel.id },
    onclick: () => goTo(channel.id, channel.kind === "app" && !unread && !current ? "home" : channel.kind === "app" && current ? state.tab : "messages"),
  }, lead, h("span", { class: "side-name" }, h("bdi", {}, name), channel.with === state.me ? h("span", { class: "side-you" }, " you") : null),
  unread ? h("span", { class: "side-badge" }, String(unread), h("span", { class: "visually-hidden" }, " unread")) : null);
}

function pages() {
  if (!state.links.length) return null;
  return group("The company", state.links.map(({ label, url }) =>
    h("a", { class: "side-entry", href: safeUrl(url), target: "_blank", rel: "noopener" }, icon(/mail/i.test(label) ? "mail" : "people", 17), h("span", { class: "side-name" }, label), h("span", { class: "side-away" }, icon("external", 14)), h("span", { class: "visually-hidden" }, " (opens in a new tab)"))));
}

function persona() {
  const self = me();
  const items = () => state.personas.map((id) => ({
    label: h("bdi", {}, personName(id)), hint: [person(id)?.role, person(id)?.title].filter(Boolean).join(" · "), lead: avatar(id, "small"), checked: id === state.me,
    pick: () => id !== state.me && (sessionStorage.setItem("demo-persona", id), tell({ type: "be", user: id })),
  }));
  const who = [personName(state.me), self?.role].filter(Boolean).join(", ");
  const node = h("button", {
    type: "button", class: "persona", id: "persona", "aria-label": `You are: ${who}`, "aria-haspopup": "menu", "aria-expanded": "false", "data-fk": "persona",
    onclick: () => openMenu(node, items(), { label: "Look at the workspace as", above: true }),
  }, avatar(state.me, "small"),
  h("span", { class: "persona-text" }, h("span", { class: "persona-label" }, "You are"), h("span", { class: "persona-name" }, h("bdi", {}, personName(state.me)), self?.role ? `, ${self.role}` : "")),
  icon("down", 16));
  return node;
}
