// Slack's time stamps ("1719835200.000100") and date tokens, in the reader's own zone and words.

const format = (options) => new Intl.DateTimeFormat(undefined, options);
const CLOCK = format({ hour: "numeric", minute: "2-digit" });
const CLOCK_SECONDS = format({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const LONG = format({ weekday: "long", month: "long", day: "numeric" });
const LONG_YEAR = format({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
const MEDIUM = format({ year: "numeric", month: "long", day: "numeric" });
const SHORT = format({ year: "numeric", month: "short", day: "numeric" });
const FULL = format({ dateStyle: "full", timeStyle: "medium" });

export const dateOf = (ts) => new Date(Number(ts) * 1000);
export const clock = (ts) => CLOCK.format(dateOf(ts));
export const full = (ts) => FULL.format(dateOf(ts));
export const dayKey = (ts) => dateOf(ts).toDateString();

function relativeDay(date) {
  const start = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((start(date) - start(new Date())) / 86400000);
  return { "0": "Today", "-1": "Yesterday", "1": "Tomorrow" }[days];
}

/** What the line between two days says. */
export const dayName = (ts) => relativeDay(dateOf(ts)) ?? LONG.format(dateOf(ts));

function ago(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = steps.find(([, s]) => Math.abs(seconds) >= s) ?? steps[3];
  return words.format(Math.round(seconds / size), unit);
}

/** The text of a date token, for example "{date_short_pretty} at {time}". */
export function dateToken(seconds, pattern) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return null;
  const pretty = (f) => relativeDay(date)?.toLowerCase() ?? f.format(date);
  const words = {
    date_num: () => date.toISOString().slice(0, 10),
    date_slash: () => format({}).format(date),
    date: () => MEDIUM.format(date),
    date_short: () => SHORT.format(date),
    date_long: () => LONG_YEAR.format(date),
    date_pretty: () => pretty(MEDIUM),
    date_short_pretty: () => pretty(SHORT),
    date_long_pretty: () => pretty(LONG_YEAR),
    time: () => CLOCK.format(date),
    time_secs: () => CLOCK_SECONDS.format(date),
    ago: () => ago(date),
    day_divider_pretty: () => relativeDay(date) ?? LONG.format(date),
  };
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => words[name]?.() ?? whole);
}
