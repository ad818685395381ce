"""The proof that a snapshot is complete: only a proven one may justify removals.

Each rule is one entry of `RULES`; a test takes each out in turn and shows somebody removed by
mistake without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.errors import DirsyncError
from core.model.cycle import Proof
from core.model.wording import several


@dataclass(kw_only=True, slots=True)
class Listing:
    """What was seen while a listing was read, page by page.

    Attributes:
        pages: pages that arrived.
        distinct: ids that were met for the first time.
        repeats: ids that came again.
        ended: the last page that arrived said that nothing follows.
        totals: the totals that were announced, in order, without repetition in a row.
        tokens_again: pages whose token had been there before.
        stale_pages: pages other than an empty last one that brought no new id.
        unidentified: unreadable records whose owner is not even known.
        fault: the error that ended the reading, if one did.
    """

    pages: int = 0
    distinct: int = 0
    repeats: int = 0
    ended: bool = False
    totals: list[int] = field(default_factory=list)
    tokens_again: int = 0
    stale_pages: int = 0
    unidentified: int = 0
    fault: DirsyncError | None = None
    _tokens: set[str] = field(default_factory=set)

    @property
    def announced(self) -> int | None:
        """The total that was announced last, or None."""
        return self.totals[-1] if self.totals else None

    def note_page(self, *, token: str, last: bool, total: int | None) -> None:
        """Note that a page arrived."""
        self.pages += 1
        self.ended = last
        if total is not None and self.announced != total:
            self.totals.append(total)
        if token in self._tokens:
            self.tokens_again += 1
        self._tokens.add(token)

    def note_records(self, *, new: int, empty_end: bool) -> None:
        """Note how many new ids a page brought; an empty last page need not bring any."""
        self.distinct += new
        if new == 0 and not empty_end:
            self.stale_pages += 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Everything that the rules judge.

    Attributes:
        people: the listing of people.
        missing_canaries: how many of the canaries are not in the snapshot.
        scope_groups_proven: the lists of members that the scope depends on are whole.
        still_there: people missing from the listing of whom the provider says that they are there.
        unconfirmed: people missing from the listing of whom the provider could not say anything.
    """

    people: Listing
    missing_canaries: int = 0
    scope_groups_proven: bool = True
    still_there: int = 0
    unconfirmed: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its stable code, and what is wrong with the evidence, or None."""

    code: str
    fault: Callable[[Evidence], str | None]


def _read_fault(e: Evidence) -> str | None:
    if e.people.fault is None:
        return None
    return f"Reading broke off after {e.people.pages} pages: {e.people.fault.message}"


def _no_end(e: Evidence) -> str | None:
    if e.people.ended or e.people.fault is not None:
        return None
    return "The listing stopped without saying that nothing follows."


def _total_differs(e: Evidence) -> str | None:
    announced, distinct = e.people.announced, e.people.distinct
    if announced is None or announced == distinct:
        return None
    return f"The provider announced {announced} people and delivered {distinct} different ones."


def _totals_unstable(e: Evidence) -> str | None:
    if len(e.people.totals) < 2:  # noqa: PLR2004 - one total is a stable total
        return None
    first, last = e.people.totals[0], e.people.totals[-1]
    return f"The announced total changed while reading, from {first} to {last}."


def _page_twice(e: Evidence) -> str | None:
    return "The same page came twice." if e.people.tokens_again else None


def _stale_page(e: Evidence) -> str | None:
    pages = e.people.stale_pages
    if not pages:
        return None
    return "A page brought nobody new." if pages == 1 else f"{pages} pages brought nobody new."


def _repeated(e: Evidence) -> str | None:
    count = e.people.repeats
    if not count:
        return None
    return f"{several(count, 'person was', 'people were')} delivered more than once."


def _empty(e: Evidence) -> str | None:
    return "The listing is empty." if e.people.distinct == 0 else None


def _unidentified(e: Evidence) -> str | None:
    count = e.people.unidentified
    return f"{count} records are unreadable and it is not known whose they are." if count else None


def _canary(e: Evidence) -> str | None:
    count = e.missing_canaries
    return f"{count} accounts that must be in every listing are missing." if count else None


def _groups(e: Evidence) -> str | None:
    if e.scope_groups_proven:
        return None
    return "The members of a group that the scope depends on could not be read in full."


def _still_there(e: Evidence) -> str | None:
    if not e.still_there:
        return None
    return f"{e.still_there} people missing from the listing are still there when asked for."


def _unconfirmed(e: Evidence) -> str | None:
    if not e.unconfirmed:
        return None
    return f"The provider could not say whether {e.unconfirmed} missing people are gone."


RULES: Sequence[Rule] = (
    Rule("read_fault", _read_fault),
    Rule("no_end", _no_end),
    Rule("total_differs", _total_differs),
    Rule("totals_unstable", _totals_unstable),
    Rule("page_twice", _page_twice),
    Rule("page_without_new_people", _stale_page),
    Rule("people_twice", _repeated),
    Rule("empty", _empty),
    Rule("record_unidentified", _unidentified),
    Rule("canary_missing", _canary),
    Rule("group_members_unproven", _groups),
    Rule("absentee_still_there", _still_there),
    Rule("absentee_unconfirmed", _unconfirmed),
)


def prove(evidence: Evidence, rules: Sequence[Rule] = RULES) -> Proof:
    """Judge the evidence by every rule."""
    judged = ((rule.code, rule.fault(evidence)) for rule in rules)
    people = evidence.people
    return Proof(
        read=people.distinct,
        announced=people.announced,
        pages=people.pages,
        failed=tuple((code, text) for code, text in judged if text is not None),
    )
