// Where Block Kit lives (a message, a modal, the Home tab): what was entered there, and how it is sent.

const entered = new Map();

export class Surface {
  #present = new Map();

  /** `key` names the surface for the values entered; `target` goes into each action; `send(action, node)` sends. */
  constructor({ key, target = {}, send, initial = {}, enabled = true }) {
    Object.assign(this, { key, target, send, enabled, initial, errors: {} });
    if (!entered.has(key)) entered.set(key, new Map());
    this.values = entered.get(key);
  }

  /** The value of an element: what was entered, else what the server knew, else its own initial one. */
  value(blockId, actionId, initial) {
    const id = `${blockId}\n${actionId}`;
    if (!this.values.has(id)) {
      const known = this.initial?.[blockId]?.[actionId];
      if (known && known.type === initial.type) this.values.set(id, known);
    }
    this.#present.set(id, initial);
    return this.values.get(id) ?? initial;
  }

  set(blockId, actionId, value) {
    this.values.set(`${blockId}\n${actionId}`, value);
  }

  /** Slack's `state`: every stateful element that is shown. */
  state() {
    const values = {};
    for (const [id, initial] of this.#present) {
      const [blockId, actionId] = id.split("\n");
      (values[blockId] ??= {})[actionId] = this.values.get(id) ?? initial;
    }
    return { values };
  }

  act(action, node) {
    if (this.enabled) this.send({ ...this.target, action, state: this.state() }, node);
  }
}

/** Forgets what was entered, for a view that is gone. */
export const forget = (key) => entered.delete(key);
