// What can be completed at the caret: commands and their arguments, people and channels. Pure.

const MOST = 40;

/**
 * `{from, to, items: [{insert, label, description}], chosen}` or null. `chosen` is the item that Enter takes,
 * -1 when Enter should send: nothing typed yet of the word, or the word is already complete.
 */
export function suggest(text, caret, { commands, people, channels }) {
  const before = text.slice(0, caret);
  if (text.startsWith("/") && !before.includes("\n") && !/\s@[^\s@]*$/.test(before)) return forCommand(before, caret, commands);
  return forName(before, caret, "@", people) ?? forName(before, caret, "#", channels);
}

function forCommand(before, caret, commands) {
  if (!before.includes(" ")) {
    const items = commands.filter((c) => c.command.startsWith(before.toLowerCase()));
    const exact = items.some((c) => c.command === before);
    return result(0, caret, items.map((c) => ({ insert: `${c.command} `, label: c.command, hint: c.usage_hint, description: c.description })), exact || before === "" ? -1 : 0);
  }
  const [name] = before.split(" ", 1);
  const command = commands.find((c) => c.command === name.toLowerCase());
  return command ? forArguments(before.slice(name.length + 1), name.length + 1, caret, command.completions ?? []) : null;
}

// "sync people-scim --fu": a completion fits when its first words were typed already and its last words begin
// with what is being typed; "sync --full" fits although another argument stands between.
function forArguments(rest, offset, caret, completions) {
  const words = rest.trimStart().split(/\s+/);
  const partial = words.pop().toLowerCase();
  const start = offset + rest.length - partial.length;
  const items = [];
  let exact = false;
  for (const { text, description } of completions) {
    const tail = remaining(text, words);
    if (tail === null || !tail.toLowerCase().startsWith(partial)) continue;
    if (tail.toLowerCase() === partial) exact = true;
    else items.push({ insert: `${tail} `, label: tail, description });
  }
  return result(start, caret, items, partial === "" || exact ? -1 : 0);
}

function remaining(text, typed) {
  const words = text.split(" ");
  if (!typed.length) return words.length === 1 ? text : null;
  if (words.length < 2 || words[0] !== typed[0].toLowerCase()) return null;
  const fits = words.slice(1, -1).every((w, at) => w === typed[at + 1] || !typed[at + 1]);
  const tail = fits && typed.length > 1 && words.length > 2 && words[1] === typed[1] ? words.slice(2) : words.slice(1);
  const used = tail[0].startsWith("-") ? typed.includes(tail[0]) : typed.slice(1).some((w) => !w.startsWith("-"));
  return used && tail.length === words.length - 1 ? null : tail.join(" ");
}

function forName(before, caret, mark, entries) {
  const match = new RegExp(`(?:^|\\s)(${mark}[^\\s${mark}]*)$`).exec(before);
  if (!match) return null;
  const typed = match[1].slice(1).toLowerCase();
  const items = entries
    .filter((e) => e.text.toLowerCase().split(/\s+/).some((w) => w.startsWith(typed)) || e.text.toLowerCase().startsWith(typed))
    .map((e) => ({ insert: `${mark}${e.text} `, label: `${mark}${e.text}`, description: e.description, id: e.id }));
  return result(caret - match[1].length, caret, items, 0);
}

function result(from, to, items, chosen) {
  return items.length ? { from, to, items: items.slice(0, MOST), chosen } : null;
}

/** "@Ada Lovelace", "@it-admins" and "#general" as Slack's references. */
export function withReferences(text, { people, channels }) {
  let result = text;
  const longestFirst = (entries) => [...entries].sort((a, b) => b.text.length - a.text.length);
  for (const p of longestFirst(people)) result = result.replaceAll(new RegExp(`(^|\\s)@${escape(p.text)}(?![\\p{L}\\p{N}])`, "gu"), `$1${p.reference}`);
  for (const c of longestFirst(channels)) result = result.replaceAll(new RegExp(`(^|\\s)#${escape(c.text)}(?![\\p{L}\\p{N}-])`, "gu"), `$1<#${c.id}|${c.text}>`);
  return result;
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
