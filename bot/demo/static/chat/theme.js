// Light, dark, or as the system has it.
import { h, icon } from "./dom.js";
import { openMenu } from "./popover.js";

const THEMES = [
  { name: "system", label: "As the system", icon: "system" },
  { name: "light", label: "Light", icon: "sun" },
  { name: "dark", label: "Dark", icon: "moon" },
];

const current = () => document.documentElement.dataset.theme ?? "system";

function choose(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem("demo-theme", name);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

export function themeButton() {
  const draw = () => node.replaceChildren(icon(THEMES.find((t) => t.name === current()).icon, 18));
  const items = () => THEMES.map((t) => ({ label: t.label, lead: icon(t.icon, 17), checked: t.name === current(), pick: () => (choose(t.name), draw()) }));
  const node = h("button", {
    type: "button", class: "tool side-tool", "aria-label": "Theme", title: "Theme", "aria-haspopup": "menu", "aria-expanded": "false",
    onclick: () => openMenu(node, items(), { label: "Theme" }),
  });
  draw();
  return node;
}
