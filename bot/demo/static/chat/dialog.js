// Native dialogs with the focus kept inside and given back, and Slack's confirm object.
import { h, uid } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { withEmoji } from "./emoji.js";

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), textarea:not([disabled]), select, [tabindex="0"]';

/** Opens a dialog node; `onEscape` decides what Escape does. */
export function showDialog(dialog, onEscape) {
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    onEscape();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      onEscape();
    }
    if (event.key === "Tab") wrapTab(event, dialog);
  });
  dialog.showModal();
}

function wrapTab(event, dialog) {
  const nodes = [...dialog.querySelectorAll(FOCUSABLE)].filter((n) => n.offsetParent !== null && n.tabIndex >= 0);
  const edge = event.shiftKey ? nodes[0] : nodes.at(-1);
  if (document.activeElement !== edge && nodes.includes(document.activeElement)) return;
  if (document.activeElement !== edge && document.activeElement !== dialog) return;
  event.preventDefault();
  (event.shiftKey ? nodes.at(-1) : nodes[0])?.focus();
}

export function textOf(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text) : [withEmoji(object.text ?? object)];
}

/** Asks with Slack's confirm object; resolves to whether the person confirmed. */
export function confirmed(confirm) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const title = uid("confirm");
    const before = document.activeElement;
    const dialog = h("dialog", { class: "modal modal-confirm", "aria-labelledby": title, role: "alertdialog" });
    const answer = (yes) => {
      dialog.close();
      dialog.remove();
      if (before?.isConnected) before.focus({ preventScroll: true });
      resolve(yes);
    };
    const style = confirm.style === "danger" ? "btn btn-danger" : "btn btn-primary";
    dialog.append(
      h("h2", { class: "modal-title", id: title }, textOf(confirm.title ?? { text: "Are you sure?" })),
      h("div", { class: "confirm-text" }, textOf(confirm.text)),
      h("div", { class: "modal-foot" },
        h("button", { type: "button", class: "btn", onclick: () => answer(false) }, textOf(confirm.deny ?? { text: "Cancel" })),
        h("button", { type: "button", class: style, onclick: () => answer(true) }, textOf(confirm.confirm ?? { text: "Yes" }))),
    );
    showDialog(dialog, () => answer(false));
    dialog.querySelector(".modal-foot .btn").focus();
  });
}
