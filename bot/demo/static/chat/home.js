// The app's Home tab.
import { blocks } from "./blocks.js";
import { h, icon, keepingFocus } from "./dom.js";
import { homeSurface } from "./interact.js";
import { personName, state } from "./store.js";

export class Home {
  #problem = null;

  constructor() {
    this.inner = h("div", { class: "home" });
    this.node = h("div", { class: "scroller home-scroll", tabindex: "0", role: "tabpanel", id: "home-panel", "aria-label": "Home" }, this.inner);
  }

  draw() {
    keepingFocus(this.inner, () => this.inner.replaceChildren(...this.#content()));
  }

  #content() {
    if (!state.home) return [waiting()];
    const surface = homeSurface(state.home, (text) => ((this.#problem = text), this.draw()));
    const problem = this.#problem ? h("div", { class: "block alert alert-error", role: "alert" }, icon("alert", 20), h("div", { class: "text" }, this.#problem)) : null;
    return [problem, ...blocks(state.home.blocks, surface)].filter(Boolean);
  }
}

function waiting() {
  const app = [...state.people.values()].find((p) => p.is_bot);
  return h("div", { class: "home-empty" }, icon("home", 34), h("p", {}, h("strong", {}, `${app ? personName(app.id) : "The app"} has not drawn its Home yet`)), h("p", {}, "It appears here as soon as the app publishes it."));
}
