// The web socket: JSON out and in, a number per request, and coming back by itself after a drop.

const FIRST_WAIT = 300;
const LONGEST_WAIT = 5000;

export class Connection {
  #socket = null;
  #wait = FIRST_WAIT;
  #timer = 0;
  #ref = 0;
  #open = new Map();

  /** `onMessage(json)` for everything but acknowledgements, `onStatus(connecting|online|reconnecting)`. */
  constructor({ url, onMessage, onStatus }) {
    this.url = url;
    this.onMessage = onMessage;
    this.onStatus = onStatus;
    this.everOnline = false;
    addEventListener("online", () => this.retryNow());
    addEventListener("pagehide", () => this.#socket?.close());
  }

  connect() {
    clearTimeout(this.#timer);
    this.onStatus(this.everOnline ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(JSON.parse(event.data)));
    socket.addEventListener("close", () => this.#dropped(socket));
  }

  retryNow() {
    if (this.#socket?.readyState === WebSocket.OPEN || this.#socket?.readyState === WebSocket.CONNECTING) return;
    this.connect();
  }

  get online() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends; false when there is no connection. */
  send(message) {
    if (!this.online) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Sends with a reference; `settled({failed?: text, lost?: true})` is called once. Returns false when offline. */
  request(message, settled = () => {}) {
    if (!this.online) return false;
    const ref = (this.#ref += 1);
    this.#open.set(ref, settled);
    return this.send({ ...message, ref });
  }

  #receive(message) {
    if (message.type === "hello") {
      this.everOnline = true;
      this.#wait = FIRST_WAIT;
      this.onStatus("online");
    }
    if (message.type === "pending") return;
    if (message.type === "done") this.#settle(message.ref, {});
    else if (message.type === "failed") this.#settle(message.ref, { failed: message.text });
    else this.onMessage(message);
  }

  #settle(ref, outcome) {
    const settled = this.#open.get(ref);
    this.#open.delete(ref);
    settled?.(outcome);
  }

  #dropped(socket) {
    if (socket !== this.#socket) return;
    this.onStatus(this.everOnline ? "reconnecting" : "connecting");
    for (const ref of [...this.#open.keys()]) this.#settle(ref, { lost: true });
    this.#timer = setTimeout(() => this.connect(), this.#wait);
    this.#wait = Math.min(this.#wait * 1.7, LONGEST_WAIT);
  }
}
