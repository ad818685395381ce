// The plan block and its task cards: steps with a state each, drawn again at every edit of the message.
import { h, icon, link } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { richText } from "./richtext.js";

const STATES = {
  pending: "not started",
  in_progress: "in progress",
  complete: "complete",
  error: "failed",
};
const TURN_MS = 900;

function marker(status) {
  const node = h("span", { class: `task-marker task-${status}`, "aria-hidden": "true" });
  if (status === "complete") node.append(icon("check", 14));
  if (status === "error") node.append(icon("close", 13));
  // The message is drawn anew at each edit; the same phase makes the turning look unbroken.
  if (status === "in_progress") node.style.animationDelay = `-${Date.now() % TURN_MS}ms`;
  return node;
}

export function taskCard(task, tag = "div") {
  const status = STATES[task.status] ? task.status : "pending";
  return h(tag, { class: `task task-is-${status}` },
    marker(status),
    h("div", { class: "task-body" },
      h("div", { class: "task-title" }, withEmoji(task.title), h("span", { class: "visually-hidden" }, `, ${STATES[status]}`)),
      task.details ? h("div", { class: "task-details" }, richText(task.details)) : null,
      task.output ? h("div", { class: "task-output" }, richText(task.output)) : null,
      task.sources?.length ? h("div", { class: "task-sources" }, task.sources.map((s) => link(s.url, s.text ?? s.url))) : null));
}

export function plan(block) {
  const tasks = block.tasks ?? [];
  const complete = tasks.filter((t) => t.status === "complete").length;
  const failed = tasks.some((t) => t.status === "error");
  const bar = h("progress", { class: failed ? "plan-bar plan-failed" : "plan-bar", max: tasks.length || 1, value: complete, "aria-label": `${complete} of ${tasks.length} steps complete` });
  return h("div", { class: "block plan", role: "group", "aria-label": `Plan: ${block.title ?? ""}` },
    h("div", { class: "plan-head" },
      h("div", { class: "plan-title" }, withEmoji(block.title)),
      h("div", { class: "plan-count" }, `${complete} of ${tasks.length}`)),
    bar,
    h("ol", { class: "plan-tasks" }, tasks.map((t) => taskCard(t, "li"))));
}
