"""Laws of the plan and the guard, whatever the pair."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.guard import Load, items_digest, judge, key_of
from core.engine.plan import SILENT, TABLE, TAKES_ADDRESS, Decider, Policy, decide
from core.model.account import DisabledBy, UserStatus
from core.model.configuration import Guard, MissingPolicy
from core.model.cycle import (
    AccountState,
    Action,
    Elsewhere,
    HeldItem,
    Pair,
    ScopeAnswer,
    SourceState,
)
from core.model.directory import ResourceKind
from tests.support.engine_world import START

NOW = START.timestamp()
POLICY = Policy(now=START, grace=timedelta(days=30))
ERROR = '[{"severity":"error","code":"no_email","message":"m"}]'
WARNING = '[{"severity":"warning","code":"x","message":"m"}]'

times = st.none() | st.sampled_from([NOW, NOW - 86_400 * 31, NOW - 86_400 * 61])


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    user = draw(st.none() | st.integers(1, 5))
    status = None if user is None else draw(st.sampled_from(UserStatus))
    disabled = status is UserStatus.DISABLED
    present = draw(st.booleans())
    holder = draw(st.none() | st.integers(6, 9))
    return Pair(
        seq=1,
        external_id="u1",
        label="u1",
        present=present,
        readable=draw(st.booleans()) or not present,
        active=draw(st.booleans()),
        scope=draw(st.sampled_from(ScopeAnswer)),
        mapped_digest=draw(st.sampled_from([b"a", b"b"])),
        problems=draw(st.sampled_from(["", ERROR, WARNING])) if present else "",
        user_id=user,
        status=status,
        disabled_by=draw(st.sampled_from(DisabledBy)) if disabled else None,
        disabled_at=draw(times),
        absent_since=draw(times),
        kept=user is not None and draw(st.booleans()),
        protected=user is not None and draw(st.booleans()),
        known_digest=draw(st.none() | st.just(b"d")),
        known_mapped_digest=draw(st.sampled_from([None, b"a", b"b"])),
        digest=b"d",
        holder=holder,
        holder_foreign=holder is not None and draw(st.booleans()),
        holder_moves=holder is not None and draw(st.booleans()),
        twins=draw(st.integers(1, 3)),
        elsewhere=None if holder is None else draw(st.none() | st.sampled_from(Elsewhere)),
        was_in=draw(st.booleans()),
    )


def test_the_table_has_every_cell():
    assert set(TABLE) == {(s, a) for s in SourceState for a in AccountState}


@given(pairs())
def test_only_people_whom_dirsync_provisioned_are_ever_removed(pair: Pair):
    decision = decide(pair, POLICY)
    if decision.action.removes:
        assert pair.user_id is not None
        assert not pair.protected
        assert not (pair.kept and pair.scope is not ScopeAnswer.IN)


@given(pairs())
def test_an_unreadable_or_refused_record_removes_nobody(pair: Pair):
    decision = decide(pair, POLICY)
    refused = pair.present and (not pair.readable or (pair.active and pair.problems == ERROR))
    if refused:
        assert not decision.action.removes or pair.scope is ScopeAnswer.OUT_BY_EDIT
        assert decision.action not in TAKES_ADDRESS


@given(pairs())
def test_nobody_takes_an_address_that_somebody_else_has_or_claims(pair: Pair):
    action = decide(pair, POLICY).action
    if action in TAKES_ADDRESS:
        assert pair.twins == 1
        taken = pair.holder is not None and not pair.holder_moves
        assert not taken or (action is Action.LINK and pair.holder_foreign)


@given(pairs())
def test_whom_another_configuration_owns_is_never_changed(pair: Pair):
    decision = decide(pair, POLICY)
    if pair.user_id is None and pair.elsewhere is not None:
        assert decision.action in {Action.NOTHING, Action.KEEP, Action.CONFLICT, Action.ERROR}
    if decision.claims:
        kept = pair.elsewhere is Elsewhere.KEPT
        assert (decision.problem is None, decision.settles) == (kept, kept)


@given(pairs())
def test_only_what_agrees_and_has_no_open_problem_is_settled(pair: Pair):
    decision = decide(pair, POLICY)
    if decision.settles:
        assert pair.present
        assert not decision.pair.problems
        assert decision.problem is None
        assert decision.action not in (Action.CONFLICT, Action.ERROR)


@given(pairs())
def test_deciding_again_decides_the_same(pair: Pair):
    assert decide(pair, POLICY) == decide(pair, POLICY)


@given(pairs())
def test_where_people_who_leave_are_kept_absence_removes_nobody(pair: Pair):
    policy = Policy(now=START, grace=timedelta(days=30), on_missing=MissingPolicy.KEEP)
    if not pair.present:
        assert decide(pair, policy).action in SILENT


@given(pairs())
def test_nobody_is_deleted_before_the_grace_is_over(pair: Pair):
    decision = decide(pair, POLICY)
    if decision.action is Action.DELETE:
        since = max(pair.disabled_at, pair.absent_since)
        wait = 60 if pair.status is UserStatus.DELETED else 30
        assert NOW - since >= wait * 86_400
        assert not pair.present


@settings(max_examples=60, deadline=None)
@given(st.lists(pairs(), min_size=1, max_size=6))
def test_an_address_is_only_given_away_if_its_owner_takes_another(chunk: list[Pair]):
    owners = [p._replace(external_id=f"u{n}", user_id=n) for n, p in enumerate(chunk, start=6)]
    decisions = Decider(POLICY).decide(owners)
    by_user = {d.pair.user_id: d for d in decisions}
    for decision in decisions:
        holder = by_user.get(decision.pair.holder)
        moves = decision.pair.holder_moves and decision.action in TAKES_ADDRESS
        changed = holder and holder.pair.mapped_digest != holder.pair.known_mapped_digest
        if moves and holder and holder.pair.present and changed:
            assert holder.action in TAKES_ADDRESS


items = st.lists(
    st.builds(
        HeldItem,
        kind=st.sampled_from(ResourceKind),
        external_id=st.integers(0, 30).map(str),
        label=st.just("x"),
        action=st.sampled_from([Action.DISABLE, Action.DELETE]),
        reason=st.just("r"),
    ),
    max_size=30,
    unique_by=key_of,
)


guards = st.builds(Guard, percent=st.integers(0, 100), minimum=st.integers(0, 10))


@given(
    removals=items,
    released=st.sets(st.integers(0, 30)),
    provisioned=st.integers(0, 200),
    recent=st.integers(0, 20),
    given_guard=guards,
)
def test_the_guard_lets_through_what_was_released_and_at_most_the_limit_beyond(
    removals, released, provisioned, recent, given_guard
):
    approved = frozenset(key_of(i) for i in removals if int(i.external_id) in released)
    others = [item for item in removals if key_of(item) not in approved]
    load = Load(
        removals=len(others),
        leaving=sum(i.action is Action.DISABLE for i in others),
        creations=0,
        provisioned=provisioned,
        recent=recent,
        settled=True,
    )
    ruling = judge(given_guard, load, removals, released=approved)
    assert approved <= ruling.removals
    beyond = ruling.removals - approved
    limit = max(given_guard.minimum, given_guard.percent * (provisioned + recent) // 100)
    assert not beyond or len(beyond) + recent <= limit
    assert {key_of(i) for i in ruling.held} | ruling.removals == {key_of(i) for i in removals}
    assert not {key_of(i) for i in ruling.held} & ruling.removals
    assert bool(ruling.held) <= bool(ruling.reason)


@given(items)
def test_a_held_sets_digest_names_the_set_and_not_its_order(found: list[HeldItem]):
    assert items_digest(found) == items_digest(reversed(found))
    if found:
        assert items_digest(found) != items_digest(found[1:])
