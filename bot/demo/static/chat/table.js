// The table block: the first row is its heading.
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { richText } from "./richtext.js";

const NUMBER = /^[\s\d.,:%+–−-]+$/;

export function table(block) {
  const [head = [], ...rows] = block.rows ?? [];
  const settings = block.column_settings ?? [];
  const cell = (tag, data, at) => h(tag, { class: classes(settings[at], data), scope: tag === "th" ? "col" : null }, content(data));
  return h("div", { class: "block table-wrap", role: "group", "aria-label": `Table, ${rows.length} rows`, tabindex: "0" },
    h("table", {},
      h("thead", {}, h("tr", {}, head.map((c, at) => cell("th", c, at)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((c, at) => cell("td", c, at)))))));
}

function classes(setting, data) {
  const names = [`align-${["left", "center", "right"].includes(setting?.align) ? setting.align : "left"}`];
  if (setting?.is_wrapped) names.push("wrapped");
  if (data?.type === "raw_text" && NUMBER.test(data.text)) names.push("numeric");
  return names.join(" ");
}

function content(data) {
  if (data?.type === "rich_text") return richText(data);
  return withEmoji(String(data?.text ?? data?.value ?? ""));
}
