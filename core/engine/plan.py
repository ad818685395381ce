"""The decision table: from what the provider says and the account has to what is done.

`TABLE` is the state table of the features as data, one entry a cell. `decide` is pure; the store
joins the pairs and carries the decisions out.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.model.account import DisabledBy, UserId, UserStatus
from core.model.configuration import MissingPolicy
from core.model.cycle import (
    AccountState,
    Action,
    Decision,
    Elsewhere,
    Pair,
    Problem,
    ScopeAnswer,
    Severity,
    SourceState,
)
from core.model.ownership import owned_elsewhere

Cell = tuple[Action, str]
_A, _S = AccountState, SourceState

NEW = "in scope and not in the account yet"
CHANGED = "the record changed in the directory"
BACK = "in scope again"
LINKED = "the account already has a person with this address"
CLAIMED = "another configuration owns this person"
KEPT_ELSEWHERE = "an admin decided that the person stays with another configuration"
DISABLED = "disabled in the directory"
LEFT_SCOPE = "no longer in scope after a change in the directory"
GONE = "no longer in the directory"
GRACE = "still gone when the grace ended"
ERASED = "deleted, and the grace ended again"
OUT_BY_EDIT = "out of scope by an edit of the configuration"
SAME = "unchanged"
NOBODY = "not provisioned"
UNREADABLE = "the record cannot be used"
DONE = "already disabled"
PROTECTED = "protected from removal"
KEPT_MISSING = "the configuration keeps people who leave the directory"

_NOTHING: Cell = (Action.NOTHING, NOBODY)
_DONE: Cell = (Action.NOTHING, DONE)
_KEEP: Cell = (Action.KEEP, OUT_BY_EDIT)
_ERROR: Cell = (Action.ERROR, UNREADABLE)

TABLE: Mapping[tuple[SourceState, AccountState], Cell] = {
    (_S.ACTIVE, _A.NOBODY): (Action.CREATE, NEW),
    (_S.ACTIVE, _A.INVITED): (Action.UPDATE, CHANGED),
    (_S.ACTIVE, _A.ACTIVE): (Action.UPDATE, CHANGED),
    (_S.ACTIVE, _A.DISABLED_BY_SYNC): (Action.ENABLE, BACK),
    (_S.ACTIVE, _A.DISABLED_BY_ADMIN): (Action.UPDATE, CHANGED),
    (_S.ACTIVE, _A.DELETED): (Action.RESTORE, BACK),
    (_S.ACTIVE, _A.FOREIGN): (Action.LINK, LINKED),
    (_S.ACTIVE, _A.ELSEWHERE): (Action.CONFLICT, CLAIMED),
    (_S.DISABLED, _A.NOBODY): _NOTHING,
    (_S.DISABLED, _A.INVITED): (Action.DISABLE, DISABLED),
    (_S.DISABLED, _A.ACTIVE): (Action.DISABLE, DISABLED),
    (_S.DISABLED, _A.DISABLED_BY_SYNC): _DONE,
    (_S.DISABLED, _A.DISABLED_BY_ADMIN): _DONE,
    (_S.DISABLED, _A.DELETED): _DONE,
    (_S.DISABLED, _A.FOREIGN): _NOTHING,
    (_S.DISABLED, _A.ELSEWHERE): _NOTHING,
    (_S.OUT_BY_EDIT, _A.NOBODY): _NOTHING,
    (_S.OUT_BY_EDIT, _A.INVITED): _KEEP,
    (_S.OUT_BY_EDIT, _A.ACTIVE): _KEEP,
    (_S.OUT_BY_EDIT, _A.DISABLED_BY_SYNC): _DONE,
    (_S.OUT_BY_EDIT, _A.DISABLED_BY_ADMIN): _DONE,
    (_S.OUT_BY_EDIT, _A.DELETED): _DONE,
    (_S.OUT_BY_EDIT, _A.FOREIGN): _NOTHING,
    (_S.OUT_BY_EDIT, _A.ELSEWHERE): _NOTHING,
    (_S.OUT_BY_PROVIDER, _A.NOBODY): _NOTHING,
    (_S.OUT_BY_PROVIDER, _A.INVITED): (Action.DISABLE, LEFT_SCOPE),
    (_S.OUT_BY_PROVIDER, _A.ACTIVE): (Action.DISABLE, LEFT_SCOPE),
    (_S.OUT_BY_PROVIDER, _A.DISABLED_BY_SYNC): _DONE,
    (_S.OUT_BY_PROVIDER, _A.DISABLED_BY_ADMIN): _DONE,
    (_S.OUT_BY_PROVIDER, _A.DELETED): _DONE,
    (_S.OUT_BY_PROVIDER, _A.FOREIGN): _NOTHING,
    (_S.OUT_BY_PROVIDER, _A.ELSEWHERE): _NOTHING,
    (_S.ABSENT, _A.NOBODY): _NOTHING,
    (_S.ABSENT, _A.INVITED): (Action.DISABLE, GONE),
    (_S.ABSENT, _A.ACTIVE): (Action.DISABLE, GONE),
    (_S.ABSENT, _A.DISABLED_BY_SYNC): (Action.DELETE, GRACE),
    (_S.ABSENT, _A.DISABLED_BY_ADMIN): (Action.DELETE, GRACE),
    (_S.ABSENT, _A.DELETED): (Action.DELETE, ERASED),
    (_S.ABSENT, _A.FOREIGN): _NOTHING,
    (_S.ABSENT, _A.ELSEWHERE): _NOTHING,
    (_S.UNREADABLE, _A.NOBODY): _ERROR,
    (_S.UNREADABLE, _A.INVITED): _ERROR,
    (_S.UNREADABLE, _A.ACTIVE): _ERROR,
    (_S.UNREADABLE, _A.DISABLED_BY_SYNC): _ERROR,
    (_S.UNREADABLE, _A.DISABLED_BY_ADMIN): _ERROR,
    (_S.UNREADABLE, _A.DELETED): _ERROR,
    (_S.UNREADABLE, _A.FOREIGN): _ERROR,
    (_S.UNREADABLE, _A.ELSEWHERE): _ERROR,
}

TAKES_ADDRESS = frozenset(
    {Action.CREATE, Action.LINK, Action.UPDATE, Action.ENABLE, Action.RESTORE}
)
"""Actions after which the person holds the record's address."""

MANAGED = frozenset({SourceState.ACTIVE, SourceState.UNREADABLE})
"""Rows whose problems are told: nobody mends the record of somebody who is not provisioned."""

SILENT = frozenset({Action.NOTHING, Action.KEEP})
TELLS_ONLY = frozenset({Action.CONFLICT, Action.ERROR})

_ERROR_MARK = f'"severity":"{Severity.ERROR}"'


# A member of an enumeration takes Python 3.11 ten times as long to find as a name of the module.
_FOREIGN, _NOBODY = AccountState.FOREIGN, AccountState.NOBODY
_ELSEWHERE = AccountState.ELSEWHERE
_ACTIVE, _INVITED = AccountState.ACTIVE, AccountState.INVITED
_IS_ACTIVE, _IS_DELETED, _IS_DISABLED = UserStatus.ACTIVE, UserStatus.DELETED, UserStatus.DISABLED
_IN, _EDITED_OUT, _MANAGED = ScopeAnswer.IN, ScopeAnswer.OUT_BY_EDIT, SourceState.ACTIVE
_UPDATE, _DELETE, _IS_ERROR = Action.UPDATE, Action.DELETE, Action.ERROR


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What a configuration decided, at the moment of the plan.

    Attributes:
        now: the same moment for every decision of a cycle.
        removals_until: when a freeze of removals is over, or None if there is none.
        invitations_until: the same for invitations.
    """

    now: datetime
    grace: timedelta
    on_missing: MissingPolicy = MissingPolicy.DISABLE
    removals_until: datetime | None = None
    invitations_until: datetime | None = None


def has_error(pair: Pair) -> bool:
    """Whether the record itself was refused, for example for want of an address."""
    return _ERROR_MARK in pair.problems


def account_state(pair: Pair) -> AccountState:
    """Return the column of the table."""
    if pair.user_id is None:
        if pair.elsewhere is not None:
            return _ELSEWHERE
        return _FOREIGN if pair.holder_foreign else _NOBODY
    if pair.status is _IS_ACTIVE:
        return _ACTIVE
    if pair.status is _IS_DELETED:
        return AccountState.DELETED
    if pair.status is _IS_DISABLED:
        by_sync = pair.disabled_by is DisabledBy.SYNC
        return AccountState.DISABLED_BY_SYNC if by_sync else AccountState.DISABLED_BY_ADMIN
    return _INVITED


def source_state(pair: Pair) -> SourceState:
    """Return the row of the table.

    Somebody out of scope who was in the present one did not leave it by an edit.
    """
    if not pair.present:
        return SourceState.ABSENT
    if not pair.readable:
        return SourceState.UNREADABLE
    if pair.scope is _EDITED_OUT and not pair.was_in:
        return SourceState.OUT_BY_EDIT
    if not pair.active:
        return SourceState.DISABLED
    if has_error(pair) and (pair.user_id is not None or pair.scope is _IN):
        return SourceState.UNREADABLE
    return _MANAGED if pair.scope is _IN else SourceState.OUT_BY_PROVIDER


def decide(pair: Pair, policy: Policy, staying: Container[UserId] = frozenset()) -> Decision:
    """Decide one pair.

    `staying` are people who, against what their record says, do not give up their address in
    this cycle, because their own change is refused.
    """
    source = source_state(pair)
    if pair.problems and source not in MANAGED:
        pair = pair._replace(problems="")
    if pair.kept and (not pair.present or pair.scope is not _IN):
        return _decision(pair, Action.KEEP, OUT_BY_EDIT, keeps=True)
    action, reason = TABLE[source, account_state(pair)]
    if action.removes:
        action, reason = _removal(pair, policy, action, reason)
    elif action is _UPDATE and pair.mapped_digest == pair.known_mapped_digest:
        action, reason = Action.NOTHING, SAME
    elif reason is CLAIMED:
        return _claim(pair)
    elif action in TAKES_ADDRESS:
        problem = _collision(pair, staying)
        if problem is not None:
            return Decision(pair, Action.CONFLICT, problem.message, settles=False, problem=problem)
    keeps = reason is OUT_BY_EDIT or (pair.kept and action is _IS_ERROR)
    return _decision(pair, action, reason, keeps=keeps)


def _claim(pair: Pair) -> Decision:
    """Decide about somebody whom another configuration owns: that is a person's to settle."""
    twin = _twin(pair)
    if twin is not None:
        return Decision(pair, Action.CONFLICT, twin.message, settles=False, problem=twin)
    if pair.elsewhere is Elsewhere.KEPT:
        quiet = pair._replace(problems="")
        return Decision(quiet, Action.KEEP, KEPT_ELSEWHERE, settles=True, claims=True)
    owned = owned_elsewhere()
    return Decision(pair, Action.CONFLICT, owned.message, settles=False, problem=owned, claims=True)


def _decision(pair: Pair, action: Action, reason: str, *, keeps: bool) -> Decision:
    settles = (
        pair.present
        and not pair.problems
        and action not in TELLS_ONLY
        and reason is not PROTECTED
        and (pair.user_id is not None or pair.twins <= 1)
    )
    return Decision(pair, action, reason, settles, keeps)


def _removal(pair: Pair, policy: Policy, action: Action, reason: str) -> Cell:
    if pair.protected:
        return Action.KEEP, PROTECTED
    if not pair.present and policy.on_missing is MissingPolicy.KEEP:
        return Action.KEEP, KEPT_MISSING
    if action is _DELETE and not _grace_over(pair, policy, erase=reason is ERASED):
        return _DONE
    return action, reason


def _grace_over(pair: Pair, policy: Policy, *, erase: bool) -> bool:
    """Whether somebody was disabled and gone for a grace, or for two before being erased."""
    if pair.disabled_at is None or pair.absent_since is None:
        return False
    since = max(pair.disabled_at, pair.absent_since)
    wait = policy.grace.total_seconds() * (2 if erase else 1)
    return policy.now.timestamp() >= since + wait


def _twin(pair: Pair) -> Problem | None:
    if pair.twins <= 1:
        return None
    return Problem(
        severity=Severity.CONFLICT,
        code="duplicate_email",
        message="More than one person in the directory has this e-mail address.",
        attribute="email",
        value_kind="text",
        hint="Give each of them an address of their own in the directory.",
    )


def _collision(pair: Pair, staying: Container[UserId]) -> Problem | None:
    twin = _twin(pair)
    if twin is not None:
        return twin
    if pair.holder is None or (pair.user_id is None and pair.holder_foreign):
        return None
    if pair.holder_moves and pair.holder not in staying:
        return None
    return Problem(
        severity=Severity.CONFLICT,
        code="email_taken",
        message="Another person in the account has this e-mail address.",
        attribute="email",
        value_kind="text",
        hint="Correct one of the two in the directory. An address that was given to somebody new "
        "becomes free once its former owner is deleted for good.",
    )


class Decider:
    """Decides chunk after chunk, knowing who turned out to keep their address.

    The store delivers those who want the address of somebody who moves away last and in one
    chunk, so that everyone before them is decided by then.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._staying: set[UserId] = set()

    def decide(self, pairs: Sequence[Pair]) -> list[Decision]:
        """Return one decision a pair, in order."""
        decisions = [decide(pair, self._policy, self._staying) for pair in pairs]
        again = self._note(decisions) and any(pair.holder_moves for pair in pairs)
        while again:
            decisions = [decide(pair, self._policy, self._staying) for pair in pairs]
            again = self._note(decisions)
        return decisions

    def _note(self, decisions: Sequence[Decision]) -> bool:
        before = len(self._staying)
        self._staying.update(d.pair.user_id for d in decisions if stays(d) and d.pair.user_id)
        return len(self._staying) > before


def stays(decision: Decision) -> bool:
    """Whether somebody with a changed record keeps the address that the account has."""
    pair = decision.pair
    changed = pair.present and pair.mapped_digest != pair.known_mapped_digest
    return changed and decision.action not in TAKES_ADDRESS
