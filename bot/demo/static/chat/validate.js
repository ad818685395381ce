// What Slack checks in a modal before it sends it. Pure.

const EMPTY = "Please complete this required field.";

/** `{block_id: text}` for each input block that may not be sent as it is. */
export function check(blocks, values) {
  const errors = {};
  for (const block of blocks ?? []) {
    if (block.type !== "input") continue;
    const value = plain(values[block.block_id]?.[block.element.action_id]);
    const empty = value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);
    const error = empty ? (block.optional ? null : EMPTY) : problem(block.element, value);
    if (error) errors[block.block_id] = error;
  }
  return errors;
}

function plain(state) {
  if (!state) return null;
  const [, value] = Object.entries(state).find(([name]) => name !== "type") ?? [];
  return value;
}

function problem(el, value) {
  return CHECKS[el.type]?.(el, value) ?? null;
}

function length(el, value) {
  const size = [...value].length;
  if (el.min_length && size < el.min_length) return `Please enter at least ${el.min_length} characters.`;
  if (el.max_length && size > el.max_length) return `Please enter at most ${el.max_length} characters.`;
  return null;
}

function number(el, value) {
  const form = el.is_decimal_allowed ? /^-?\d+(?:\.\d+)?$/ : /^-?\d+$/;
  if (!form.test(value)) return el.is_decimal_allowed ? "Please enter a number." : "Please enter a whole number.";
  if (el.min_value !== undefined && Number(value) < Number(el.min_value)) return `Please enter a number of at least ${el.min_value}.`;
  if (el.max_value !== undefined && Number(value) > Number(el.max_value)) return `Please enter a number of at most ${el.max_value}.`;
  return null;
}

const CHECKS = {
  plain_text_input: length,
  number_input: number,
  email_text_input: (el, value) => (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? null : "Please enter an e-mail address."),
  url_text_input: (el, value) => (/^https?:\/\/\S+$/i.test(value) ? null : "Please enter an address that begins with http:// or https://."),
};
