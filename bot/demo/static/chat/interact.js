// Interactions with messages, views and the Home tab on their way to the server.
import { announce } from "./announce.js";
import { Surface } from "./surface.js";
import { findMessage, setFailure, state } from "./store.js";

let connection;
export const useConnection = (c) => (connection = c);

const OFFLINE = "Not connected. Try again in a moment.";

/** Sends; `settled` gets {failed} with what to show, also when there is no connection. */
export function request(message, settled = () => {}) {
  const sent = connection.request(message, (outcome) => settled(outcome.lost ? { failed: OFFLINE } : outcome));
  if (!sent) settled({ failed: OFFLINE });
  return sent;
}

export const tell = (message) => connection.send(message);

function busy(node, on) {
  if (!node?.matches?.(".btn, .picker")) return;
  if (on) node.setAttribute("aria-busy", "true");
  else node.removeAttribute("aria-busy");
}

/** Sends an action; the control shows that it waits; `failed(text or null)` hears the outcome. */
function send(message, node, failed) {
  busy(node, true);
  failed(null);
  request({ type: "action", ...message }, (outcome) => {
    busy(node, false);
    if (!outcome.failed) return;
    failed(outcome.failed);
    announce(outcome.failed);
  });
}

// The message may have been edited while a confirm dialog stood open, and its blocks have new ids.
function asShownNow(action, blocks) {
  const has = (el) => el?.action_id === action.action_id && (el.value === undefined || el.value === action.value);
  const holders = (blocks ?? []).filter((b) => [...(b.elements ?? []), b.accessory, b.element].some(has));
  const same = holders.some((b) => b.block_id === action.block_id);
  return same || !holders.length ? action : { ...action, block_id: holders[0].block_id };
}

export function messageSurface(channel, message) {
  return new Surface({
    key: `message/${channel}/${message.ts}`,
    target: { channel, ts: message.ts, ephemeral: Boolean(message.ephemeral) },
    send: (sent, node) => {
      const action = asShownNow(sent.action, findMessage(channel, message.ts)?.blocks);
      send({ ...sent, action }, node, (text) => setFailure(channel, message.ts, text));
    },
  });
}

export function viewSurface(view, failed) {
  return new Surface({
    key: `view/${view.id}`,
    target: { view_id: view.id },
    initial: view.state?.values,
    send: (action, node) => send(action, node, failed),
  });
}

export function homeSurface(view, failed) {
  return new Surface({
    key: `home/${state.me}`,
    target: { view_id: view.id },
    initial: view.state?.values,
    send: (action, node) => send(action, node, failed),
  });
}
