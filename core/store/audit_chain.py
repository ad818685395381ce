"""The chain of the audit: how an entry is sealed, and what is wrong with a chain that is not whole.

An entry's hash covers everything that it says and the hash before it, so that none can be changed,
taken out, put in or moved without all that follow. Its number is not covered: it is its place.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from core.model.audit import AuditFault, FaultKind
from core.store.codec import to_seconds, to_time

GENESIS = "0" * 64
"""What stands before the first entry."""
_TEXTS = ("actor", "door", "action", "subject", "reason")
_OBJECTS = ("detail", "before", "after")


def seal(row: Mapping[str, object]) -> str:
    """Return the hash of an entry, given as a row of the table with its ``previous``."""
    return hashlib.sha256(_encoded(_said(row))).hexdigest()


def line(row: Mapping[str, object]) -> bytes:
    """Return an entry as a line of JSON, keys in order, from which its hash can be computed.

    The hash is that of the same line without ``hash`` and ``seq``.
    """
    said = _said(row) | {name: _object(row[name]) for name in _OBJECTS}
    return _encoded(said | {"seq": row["seq"], "hash": row["hash"]})


def _said(row: Mapping[str, object]) -> dict[str, object]:
    """Return what is covered by the hash; what the table cannot hold by itself stays as it is."""
    return {
        "account": row["account_id"],
        "at": _moment(row["at"]),
        "allowed": _flag(row["allowed"]),
        "previous": row["previous"],
        **{name: row[name] for name in _TEXTS},
        **{name: msgspec.Raw(str(row[name]).encode()) for name in _OBJECTS},
    }


def _moment(at: object) -> object:
    """Return a stored time as a time, if it is exactly one of a microsecond."""
    if not isinstance(at, float):
        return at
    try:
        moment = to_time(at)
    except (ValueError, OverflowError, OSError):
        return repr(at)
    return moment if to_seconds(moment) == at else repr(at)


def _flag(value: object) -> object:
    return bool(value) if isinstance(value, int) and value in {0, 1} else value


def _object(text: object) -> object:
    try:
        return msgspec.json.decode(str(text))
    except msgspec.DecodeError:
        return str(text)


def _encoded(document: dict[str, object]) -> bytes:
    return msgspec.json.encode(document, order="deterministic")


@dataclass(frozen=True, slots=True)
class Link:
    """A stored entry as a link; it is `sound` if it says what its own hash covers."""

    seq: int
    previous: str
    hash: str
    sound: bool


def link_of(row: Mapping[str, object]) -> Link:
    """Return a stored row as a link."""
    sound = seal(row) == row["hash"]
    number = row["seq"] if isinstance(row["seq"], int) else 0
    return Link(number, str(row["previous"]), str(row["hash"]), sound)


def diagnose(links: Sequence[Link], seq: int, head: str) -> list[AuditFault]:
    """Return what is wrong with a chain that should end with entry `seq` of the hash `head`.

    The entries that hold together are walked from both ends: back from the head, and on from the
    beginning. Whatever lies between is judged by its neighbours. Empty if nothing is wrong.
    """
    by_hash, by_previous = _Pool(links, "hash"), _Pool(links, "previous")
    back, sought = _walk(by_hash, head, seq, -1)
    if sought == GENESIS:
        shift = len(back) - seq
        placed = {number + shift: link for number, link in back.items()}
        found = [_fault(FaultKind.HEAD, seq)] if shift else []
        return _merged([*found, *_inserted(by_hash.rest()), *_moved(placed)])
    by_previous.drop(back.values())
    front, _ = _walk(by_previous, GENESIS, 1, +1)
    rest, top, found = by_previous.rest(), seq - len(back), []
    if back and 1 <= top <= len(front):
        rest += [front.pop(number) for number in range(top, len(front) + 1)]
    elif top <= len(front):
        found.append(_fault(FaultKind.HEAD, seq))
        shift = len(front) + 1 - top if back else 0
        back = {number + shift: link for number, link in back.items()}
        top += shift
    between = _Between(len(front) + 1, top, front | back, rest, head)
    return _merged([*found, *between.faults(), *_moved(front | back)])


class _Pool:
    """Links that are not placed yet, by one of their hashes; only sound ones can be taken."""

    def __init__(self, links: Iterable[Link], by: str) -> None:
        self._by = by
        self._links: dict[str, list[Link]] = defaultdict(list)
        self._unsound: list[Link] = []
        for link in links:
            (self._links[getattr(link, by)] if link.sound else self._unsound).append(link)

    def take(self, wanted: str, number: int) -> Link | None:
        """Take the link of this hash; of several, the one that stands where it belongs."""
        found = self._links.get(wanted)
        if not found:
            return None
        chosen = next((link for link in found if link.seq == number), found[0])
        found.remove(chosen)
        return chosen

    def drop(self, links: Iterable[Link]) -> None:
        """Take these out."""
        for link in links:
            self._links[getattr(link, self._by)].remove(link)

    def rest(self) -> list[Link]:
        """Return what was not taken."""
        return [*self._unsound, *(link for links in self._links.values() for link in links)]


def _walk(pool: _Pool, wanted: str, number: int, step: int) -> tuple[dict[int, Link], str]:
    """Follow the links from a hash on; return them by number, and the hash that leads nowhere."""
    walked: dict[int, Link] = {}
    while (link := pool.take(wanted, number)) is not None:
        walked[number] = link
        wanted = link.previous if step < 0 else link.hash
        number += step
    return walked, wanted


@dataclass(frozen=True)
class _Between:
    """The numbers `first` to `last`, to which neither walk led, and the links that are left."""

    first: int
    last: int
    placed: Mapping[int, Link]
    rest: Sequence[Link]
    head: str

    def faults(self) -> Iterator[AuditFault]:
        standing: dict[int, Link] = {}
        for link in sorted(self.rest, key=lambda link: (link.seq, not link.sound)):
            inside = self.first <= link.seq <= self.last and link.seq not in standing
            if inside:
                standing[link.seq] = link
            else:
                yield _fault(FaultKind.INSERTED, link.seq)
        expected = self.first
        for number in sorted(standing):
            if number > expected:
                yield _fault(FaultKind.MISSING, expected, number - 1)
            if not self._good(number, standing):
                yield _fault(FaultKind.CHANGED, number)
            expected = number + 1
        if expected <= self.last:
            yield _fault(FaultKind.MISSING, expected, self.last)

    def _good(self, number: int, standing: Mapping[int, Link]) -> bool:
        """Whether what stands here is sound, and what follows it follows just that."""
        link = standing[number]
        if not link.sound:
            return False
        follower = standing.get(number + 1) or self.placed.get(number + 1)
        if number == self.last:
            return (self.head if follower is None else follower.previous) == link.hash
        return follower is None or not follower.sound or follower.previous == link.hash


def _moved(placed: Mapping[int, Link]) -> Iterator[AuditFault]:
    for number, link in sorted(placed.items()):
        if link.seq != number:
            yield AuditFault(kind=FaultKind.MOVED, first=number, last=number, place=link.seq)


def _inserted(links: Iterable[Link]) -> Iterator[AuditFault]:
    for link in sorted(links, key=lambda link: link.seq):
        yield _fault(FaultKind.INSERTED, link.seq)


def _fault(kind: FaultKind, first: int, last: int | None = None) -> AuditFault:
    return AuditFault(kind=kind, first=first, last=first if last is None else last)


def _merged(faults: Iterable[AuditFault]) -> list[AuditFault]:
    """Join faults of one kind that follow each other."""
    merged: list[AuditFault] = []
    for each in faults:
        before = merged[-1] if merged else None
        if before is not None and before.kind is each.kind and _follows(before, each):
            merged[-1] = AuditFault(
                kind=each.kind, first=before.first, last=each.last, place=before.place
            )
        else:
            merged.append(each)
    return merged


def _follows(before: AuditFault, after: AuditFault) -> bool:
    if after.first != before.last + 1:
        return False
    if before.place is None or after.place is None:
        return True
    return after.place - after.first == before.place - before.first
