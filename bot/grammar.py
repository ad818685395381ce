"""Text -> typed command, and back. Pure; for every door alike.

One line of text is ``<verb> [arguments] [--flags]``. What a person's keyboard or Slack made of it
(smart quotes, a long dash for two short ones, ``<@U1|ada>``, ``&amp;``) is undone first.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.subjects import mention, subject_of
from bot.verbs import SLASH, VERBS, FlagSpec, Kind, Topic, VerbSpec
from core.errors import UsageError
from core.model.account import Role
from core.model.wording import either

MAX_TEXT = 4000
MAX_WORD = 200
MAX_NUMBER = 10_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What somebody asked for.

    Attributes:
        verb: the name of a spec in `VERBS`; "" is the bare command.
        arguments: by name of argument or flag, only those given: str, int, timedelta, True, or a
            tuple of str. A mentioned person is ``<@U…>`` (see `mentioned`), a mentioned user
            group ``<!subteam^S…>`` (see `bot.subjects`).
        configuration: the name or prefix that was given, or None.
    """

    verb: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    configuration: str | None = None

    def text(self, name: str) -> str | None:
        """Return an argument that is a text, or None."""
        value = self.arguments.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """Return an argument that is a number, or None."""
        value = self.arguments.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def duration(self, name: str) -> timedelta | None:
        """Return an argument that is a duration, or None."""
        value = self.arguments.get(name)
        return value if isinstance(value, timedelta) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an argument that takes several words; empty if it was not given."""
        value = self.arguments.get(name)
        return value if isinstance(value, tuple) else ()

    def has(self, name: str) -> bool:
        """Whether a flag without value is set."""
        return self.arguments.get(name) is True


_BY_NAME = {spec.name: spec for spec in VERBS}
_BY_WORD = {word: spec for spec in VERBS for word in (spec.name, *spec.aliases)}


def spec_of(verb: str) -> VerbSpec:
    """Return the spec of a `Command.verb`."""
    return _BY_NAME[verb]


def parse(text: str) -> Command:
    """Turn typed text into a command.

    Raises `UsageError` and nothing else, whatever the text: code ``unknown_verb`` (with
    `suggestion`, a whole command, where one is close) or ``usage``.
    """
    if len(text) > MAX_TEXT:
        raise UsageError("That is too long to be a command.", hint="Try `help`.")
    words = split(text)
    if words and words[0].casefold() == SLASH:
        words.pop(0)
    if not words:
        return Command(verb="")
    spec = _find_verb(words[0], rest=words[1:])
    return _Reader(spec).read(words[1:])


_DOUBLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02"
_SINGLE = "\u2018\u2019\u201a\u201b\u2039\u203a\u2032\uff07"
_HYPHENS = "\u2010\u2011\u2212\uff0d\ufe63"
_PLAIN = str.maketrans(
    _DOUBLE + _SINGLE + _HYPHENS, '"' * len(_DOUBLE) + "'" * len(_SINGLE) + "-" * len(_HYPHENS)
)
_UNSEEN = dict.fromkeys(
    [0x00AD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)]
)
_REWRITTEN = _PLAIN.keys() | _UNSEEN.keys()
_DASH = re.compile(r"[-\u2012-\u2015]")
_LONG_DASH = re.compile(r"^[\u2012-\u2015]+(?=\w)|^-(?=[^\W\d])|^-{3,}(?=\w)")
_MENTION = re.compile(r"<([@#!])([^<>|\s]*)(?:\|[^<>]*)?>")
_MENTIONS = {
    Kind.PERSON: re.compile(r"<@[UW][A-Z0-9]{6,30}>"),
    Kind.SUBJECT: re.compile(r"<(?:@[UW]|!subteam\^S)[A-Z0-9]{6,30}>"),
}
_LINK = re.compile(r"<(?:mailto:|tel:)?([^<>|\s]+)(?:\|[^<>]*)?>")
_WORD = re.compile(r"""(--[\w-]+=)?(?:"([^"]*)"|'([^']*)')(?=\s|$)|(\S+)""")


def split(text: str) -> list[str]:
    """Split text into words, undoing what keyboards and Slack did to it. Never raises.

    Quotes hold words together only where they open and close at a word's edges, so that
    ``O'Brien`` and a lost quote are just text.
    """
    plain = text.translate(_PLAIN).translate(_UNSEEN)
    plain = _LINK.sub(r"\1", _MENTION.sub(r"\1\2", plain))
    return [word for match in _WORD.finditer(plain) if (word := _one_word(match))]


def _one_word(match: re.Match[str]) -> str:
    flag, double, single, bare = match.groups()
    if bare is None:
        return f"{flag or ''}{html.unescape(double if single is None else single)}"
    return _LONG_DASH.sub("--", html.unescape(bare))


def mentioned(person: str | None) -> str | None:
    """Return the Slack user id in a person argument that was a mention, else None."""
    found = re.fullmatch(r"<@([UW][A-Z0-9]{1,30})>", person or "")
    return found.group(1) if found else None


def spell(command: Command) -> str:
    """Return text that `parse` turns into an equal command, for buttons and pickers."""
    spec = spec_of(command.verb)
    words = [spec.name] if spec.name else []
    for argument in spec.arguments:
        if argument.kind is Kind.CONFIGURATION:
            value: object = command.configuration
        else:
            value = command.arguments.get(argument.name)
        if isinstance(value, tuple):
            words += [_written(str(each), argument.kind) for each in value]
        elif value is not None:
            words.append(_written(_typed(value, argument.choices), argument.kind))
    for flag in spec.flags:
        value = command.arguments.get(flag.name)
        if value is True:
            words.append(f"--{flag.name}")
        elif value is not None:
            typed = _written(_typed(value, flag.choices), flag.kind)
            words.append(f"--{flag.name}={typed}")
    return " ".join(words)


def _typed(value: object, choices: Mapping[str, str]) -> str:
    if isinstance(value, timedelta):
        return f"{int(value.total_seconds()) // 60}m"
    return next((word for word, meaning in choices.items() if meaning == value), str(value))


def _written(word: str, kind: Kind | None) -> str:
    """Return a word as it is typed: a mention stays one, where the argument reads mentions."""
    known = _MENTIONS.get(kind) if kind else None
    return word if known is not None and known.fullmatch(word) else _quoted(word)


def _quoted(word: str) -> str:
    escaped = html.escape(word, quote=False)
    escaped = "".join(f"&#{ord(c)};" if ord(c) in _REWRITTEN else c for c in escaped)
    if "'" in escaped:
        escaped = escaped.replace('"', "&quot;")
    if not re.search(r"[\s\"']", word) and not _DASH.match(word):
        return escaped
    return f"'{escaped}'" if '"' in escaped else f'"{escaped}"'


def _find_verb(word: str, *, rest: Sequence[str]) -> VerbSpec:
    wanted = word.casefold().lstrip("-/") or word.casefold()
    if wanted in _BY_WORD:
        return _BY_WORD[wanted]
    found = [spec for spec in VERBS if spec.name.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        names = either(spec.name for spec in found)
        raise UsageError(
            f"“{_clipped(word)}” could be {names}.", hint="Type one more letter or two."
        )
    raise _unknown_verb(word, wanted, rest)


def _unknown_verb(word: str, wanted: str, rest: Sequence[str]) -> UsageError:
    close = difflib.get_close_matches(wanted[:40], [w for w in _BY_WORD if w], n=1, cutoff=0.7)
    if not close:
        return UsageError(
            f"I don't know “{_clipped(word)}”.",
            code="unknown_verb",
            hint="`help` lists what I can do.",
        )
    spec = _BY_WORD[close[0]]
    return UsageError(
        f"I don't know “{_clipped(word)}”.",
        code="unknown_verb",
        hint=f"Did you mean `{spec.name}`?",
        suggestion=_whole(spec, rest),
    )


def _whole(spec: VerbSpec, rest: Sequence[str]) -> str:
    """Return the suggested verb with what was typed after it, if that makes sense."""
    for words in (rest, ()):
        try:
            return spell(_Reader(spec).read(words))
        except UsageError:
            continue
    return f"help {spec.name}"


class _Reader:
    """Reads the words after one verb."""

    def __init__(self, spec: VerbSpec) -> None:
        self._spec = spec
        self._values: dict[str, object] = {}
        self._places = list(spec.arguments)

    def read(self, words: Sequence[str]) -> Command:
        left = list(words)
        while left:
            word = left.pop(0)
            if word.startswith("--") and len(word) > 2:  # noqa: PLR2004 - longer than the dashes
                self._flag(word, left)
            elif word.strip("-\u2012\u2013\u2014\u2015"):
                self._argument(word)
        self._complete()
        configuration = self._values.pop("configuration", None)
        return Command(
            verb=self._spec.name,
            arguments=self._values,
            configuration=str(configuration) if configuration is not None else None,
        )

    def _flag(self, word: str, left: list[str]) -> None:
        name, equals, value = word[2:].partition("=")
        flag = self._find_flag(name)
        if flag.kind is None:
            if equals:
                raise self._wrong(f"`--{flag.name}` takes no value.")
            self._values[flag.name] = True
            return
        if not equals:
            value = left.pop(0) if left and not left[0].startswith("--") else ""
        if not value:
            raise self._wrong(f"`--{flag.name}` needs a value.")
        self._values[flag.name] = self._value(flag.kind, value, flag.choices)

    def _find_flag(self, name: str) -> FlagSpec:
        wanted = name.casefold()
        found = [flag for flag in self._spec.flags if flag.name.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        shown = f"`--{_clipped(name)}`"
        if found:
            raise self._wrong(f"{shown} could be {either(f'--{f.name}' for f in found)}.")
        close = difflib.get_close_matches(wanted[:40], [f.name for f in self._spec.flags], n=1)
        asked = f" Did you mean `--{close[0]}`?" if close else ""
        raise self._wrong(f"`{self._spec.name}` has no {shown}.{asked}")

    def _argument(self, word: str) -> None:
        if not self._places:
            raise self._wrong(f"I don't know what to do with “{_clipped(word)}”.")
        place = self._places[0]
        value = self._value(place.kind, word, place.choices)
        if place.many:
            before = self._values.get(place.name, ())
            self._values[place.name] = (*before, value) if isinstance(before, tuple) else (value,)
            return
        self._places.pop(0)
        self._values[place.name] = value

    def _value(self, kind: Kind, word: str, choices: Mapping[str, str]) -> object:
        try:
            return _VALUES.get(kind, _text)(word, choices)
        except UsageError as error:
            raise self._wrong(error.message) from None

    def _complete(self) -> None:
        for argument in self._places:
            if argument.name in self._values:
                continue
            told = self._values.get(argument.after) if argument.after else None
            due = argument.required or (told is not None and told not in argument.unless)
            if due:
                literal = argument.kind is Kind.CHOICE
                needed = f"`{argument.usage}`" if literal else _article(argument.kind.value)
                raise self._wrong(f"`{self._spec.name}` needs {needed}.")

    def _wrong(self, message: str) -> UsageError:
        hint = f"Usage: `{SLASH} {self._spec.usage}`"
        return UsageError(message, hint=hint)


def _text(word: str, _choices: Mapping[str, str]) -> object:
    if len(word) > MAX_WORD:
        raise UsageError(f"“{_clipped(word)}” is too long.")
    return word


def _person(word: str, _choices: Mapping[str, str]) -> object:
    if re.fullmatch(r"@[UW][A-Z0-9]{6,30}", word):
        return f"<{word}>"
    return _text(word.removeprefix("@") or word, _choices)


def _subject(word: str, _choices: Mapping[str, str]) -> object:
    found = subject_of(word)
    return _text(found, _choices) if isinstance(found, str) else mention(found)


def _number(word: str, _choices: Mapping[str, str]) -> object:
    if not re.fullmatch(r"[0-9]{1,9}", word) or int(word) > MAX_NUMBER:
        raise UsageError(f"“{_clipped(word)}” is not a number from 0 to {MAX_NUMBER:,}.")
    return int(word)


def _duration(word: str, _choices: Mapping[str, str]) -> object:
    found = re.fullmatch(r"([0-9]{1,7})([mhdw])", word.casefold())
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    length = timedelta(**{units[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < length <= timedelta(days=3660):
        raise UsageError(f"“{_clipped(word)}” is not a time such as `30m`, `24h`, `7d` or `2w`.")
    return length


def _choice(word: str, choices: Mapping[str, str]) -> object:
    wanted = word.casefold()
    if wanted in choices.values():
        return wanted
    found = [meaning for key, meaning in choices.items() if key.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    known = either(f"`{key}`" for key in choices)
    raise UsageError(f"“{_clipped(word)}” does not fit here: try {known}.")


def _verb_name(word: str, _choices: Mapping[str, str]) -> object:
    return _find_verb(word, rest=()).name


_VALUES = {
    Kind.PERSON: _person,
    Kind.SUBJECT: _subject,
    Kind.NUMBER: _number,
    Kind.DURATION: _duration,
    Kind.CHOICE: _choice,
    Kind.VERB: _verb_name,
}


def _clipped(word: str) -> str:
    """Return a word that may be repeated in an answer: short and without backticks."""
    plain = "".join(c for c in word.replace("`", "'") if c.isprintable())
    return plain if len(plain) <= 40 else f"{plain[:39]}…"  # noqa: PLR2004 - fits a line


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def command_table() -> str:
    """Return the Markdown table of the commands, for the README."""
    rows = ["| command | who | what |", "|---|---|---|"]
    for spec in VERBS:
        usage = f"{SLASH} {spec.usage}".rstrip().replace("|", "\\|")
        who = "anyone" if spec.role is Role.NONE else spec.role.value
        rows.append(f"| `{usage}` | {who} | {spec.summary} |")
    return "\n".join(rows)


def help_lines(role: Role = Role.ADMIN) -> dict[Topic, list[tuple[str, str]]]:
    """Return (the slash command with what it needs, summary) of each verb of the role."""
    return {
        topic: [
            (f"{SLASH} {spec.brief}".rstrip(), spec.summary)
            for spec in VERBS
            if spec.topic is topic and role.includes(spec.role)
        ]
        for topic in Topic
    }


def completions() -> list[dict[str, str]]:
    """Return what a composer offers after the slash command: text and description of each."""
    return [
        {"text": example, "description": spec.summary.replace("`", "")}
        for spec in VERBS
        for example in dict.fromkeys([spec.name, *spec.examples])
        if example
    ]
