"""What an expression names, found by its tokens: attributes, functions, loops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<gap>\s+|//[^\n]*)"
    r"|(?P<text>[rRbB]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''"
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9][0-9A-Za-z_.]*)|(?P<sign>.)",
    re.DOTALL,
)
LOOPS = frozenset({"all", "exists", "exists_one", "map", "filter"})
ATTRIBUTES = "attributes"
"""``attributes["…"]`` reads an attribute whose name is no identifier."""
_WORDS = frozenset(
    {
        *("true", "false", "null", "in", "bool", "bytes", "double", "duration", "int", "list"),
        *("map", "null_type", "string", "timestamp", "type", "uint", "dyn"),
    }
)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


class Mention(NamedTuple):
    """An attribute that an expression names, and where."""

    path: str
    start: int


@dataclass(kw_only=True, slots=True)
class Names:
    """What an expression names.

    Attributes:
        literal: of the attributes, those read by ``attributes["…"]``.
        optional: of the attributes, those that ``has`` asks for.
        indexed: parts of attributes written with brackets, as they should be written.
    """

    paths: list[Mention]
    literal: set[str]
    optional: set[str]
    functions: list[Mention]
    indexed: list[Mention]
    loops: int = 0


def _tokens(source: str) -> list[_Token]:
    return [
        _Token(match.lastgroup or "", match[0], match.start())
        for match in _TOKEN.finditer(source)
        if match.lastgroup != "gap"
    ]


def names_in(source: str) -> Names:
    """Find what an expression names, without parsing it: by tokens."""
    tokens = _tokens(source)
    bound = _bound(tokens)
    names = Names(paths=[], literal=set(), optional=set(), functions=[], indexed=[])
    place = 0
    while place < len(tokens):
        if tokens[place].kind != "name" or _sign(tokens, place - 1) == ".":
            place += 1
            continue
        end = place + 1
        while _sign(tokens, end) == "." and _kind(tokens, end + 1) == "name":
            end += 2
        _note(names, tokens, place, end, bound)
        place = end
    names.functions += [
        Mention(token.text, token.start)
        for n, token in enumerate(tokens)
        if token.kind == "name" and _sign(tokens, n + 1) == "("
    ]
    names.loops = sum(mention.path in LOOPS for mention in names.functions)
    return names


def _note(names: Names, tokens: Sequence[_Token], place: int, end: int, bound: set[str]) -> None:
    """Note the attribute that a chain of names stands for, if it does for one."""
    chain = [token.text for token in tokens[place:end:2]]
    if _sign(tokens, end) == "(":
        chain.pop()
    if not chain or chain[0] in bound or chain[0] in _WORDS:
        return
    start = tokens[place].start
    if chain == [ATTRIBUTES] and _sign(tokens, end) == "[" and _kind(tokens, end + 1) == "text":
        path = tokens[end + 1].text[1:-1]
        names.literal.add(path)
    else:
        path = ".".join(chain)
        if _sign(tokens, end) == "[" and _kind(tokens, end + 1) == "text":
            names.indexed.append(Mention(f"{path}.{tokens[end + 1].text[1:-1]}", start))
    names.paths.append(Mention(path, start))
    asked = _sign(tokens, place - 1) == "(" and place > 1 and tokens[place - 2].text == "has"
    if asked:
        names.optional.add(path)


def _bound(tokens: Sequence[_Token]) -> set[str]:
    """Return the names that loops give to the elements of a list."""
    return {
        tokens[n + 2].text
        for n, token in enumerate(tokens)
        if token.text in LOOPS
        and _sign(tokens, n + 1) == "("
        and _kind(tokens, n + 2) == "name"
        and _sign(tokens, n + 3) == ","
    }


def _sign(tokens: Sequence[_Token], place: int) -> str:
    inside = 0 <= place < len(tokens)
    return tokens[place].text if inside and tokens[place].kind == "sign" else ""


def _kind(tokens: Sequence[_Token], place: int) -> str:
    return tokens[place].kind if 0 <= place < len(tokens) else ""
