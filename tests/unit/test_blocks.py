"""Every message that is shown fits Slack, whatever the numbers, states and names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.grammar import Command, parse
from bot.slack import blocks
from bot.slack.limits import validate_message, validate_view
from bot.slack.views import alerts, answers, held, history, home, people, run_card, status, words
from bot.verbs import VERBS
from core.errors import NotFoundError, UsageError
from core.model.account import LicenseSummary, Role, User, UserStatus
from core.model.configuration import Configuration, ConfigurationSpec, ScimSettings
from core.model.cycle import (
    Action,
    Change,
    ChangeResult,
    Counts,
    Cycle,
    CycleError,
    CycleResult,
    CycleState,
    HeldItem,
    HeldSet,
    HeldState,
    Postponed,
    ProblemGroup,
    Progress,
    Proof,
    Severity,
    Step,
    Trigger,
)
from core.model.directory import ResourceKind
from core.model.events import AlertKind
from core.model.views import (
    AlertView,
    ConfigurationStatus,
    CycleView,
    HeldView,
    HistoryPage,
    PeoplePage,
    PersonView,
    PlanItem,
    StatusView,
)
from tests.support.figures import FULL

RUNS = settings(
    max_examples=500 if FULL else 60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = st.one_of(
    st.text(st.characters(), max_size=40),
    st.sampled_from(["<!channel>", "*x*", "", "\x00", "\ud800", "a" * 700, "`", "&amp;" * 120]),
)
NUMBERS = st.integers(0, 2_000_000)
MOMENTS = st.integers(0, 3650).map(lambda days: NOW - timedelta(days=days))
IDS = st.sampled_from(["c-00000001", "c-7k2m9q4x"])
ACTORS = st.sampled_from(["slack:U0ADMIN001", "cli:ada", "system:schedule", "slack:<!channel>"])
COUNTS = st.builds(Counts, **dict.fromkeys(Counts.__dataclass_fields__, NUMBERS))
PROOFS = st.builds(
    Proof,
    read=NUMBERS,
    announced=st.none() | NUMBERS,
    pages=NUMBERS,
    failed=st.lists(st.tuples(NAMES, NAMES), max_size=3).map(tuple),
)
PROGRESS = st.builds(
    Progress,
    step=st.sampled_from(Step),
    done=NUMBERS,
    total=st.none() | NUMBERS,
    pages=NUMBERS,
    read=NUMBERS,
)
CYCLES = st.builds(
    Cycle,
    id=IDS,
    configuration_id=IDS,
    configuration_name=NAMES,
    state=st.sampled_from(CycleState),
    trigger=st.sampled_from(Trigger),
    dry_run=st.booleans(),
    requested_by=ACTORS,
    requested_by_name=NAMES,
    requested_at=MOMENTS,
    result=st.none() | st.sampled_from(CycleResult),
    started_at=st.none() | MOMENTS,
    finished_at=st.none() | MOMENTS,
    error=st.none() | st.builds(CycleError, code=NAMES, message=NAMES, hint=NAMES),
    proof=st.none() | PROOFS,
    progress=st.none() | PROGRESS,
    counts=COUNTS,
    cancel_requested_by=st.none() | ACTORS,
    plan_digest=st.none() | st.just("d" * 32),
    resumed=st.integers(0, 3),
    postponed=st.none()
    | st.builds(
        Postponed,
        removals=NUMBERS,
        removals_until=st.none() | MOMENTS,
        invitations_until=st.none() | MOMENTS,
    ),
)
HELD_SETS = st.builds(
    HeldSet,
    id=IDS,
    configuration_id=IDS,
    configuration_name=NAMES,
    cycle_id=IDS,
    state=st.sampled_from(HeldState),
    digest=st.just("e" * 32),
    size=NUMBERS,
    limit=NUMBERS,
    provisioned=NUMBERS,
    reason=NAMES,
    created_at=MOMENTS,
    expires_at=MOMENTS,
    requested_by=ACTORS,
    decided_by=st.none() | ACTORS,
    decided_reason=st.just("") | NAMES,
)
GROUPS = st.builds(
    ProblemGroup,
    severity=st.sampled_from(Severity),
    code=NAMES,
    attribute=NAMES,
    message=NAMES,
    hint=NAMES,
    people=NUMBERS,
    samples=st.lists(NAMES, max_size=3).map(tuple),
)
LICENSES = st.builds(LicenseSummary, total=NUMBERS, used=NUMBERS, invited=NUMBERS, waiting=NUMBERS)
KINDS = st.sampled_from(ResourceKind)
PLANS = st.builds(
    PlanItem,
    action=st.sampled_from(Action),
    kind=KINDS,
    label=NAMES,
    external_id=NAMES,
    reason=NAMES,
)
CHANGES = st.builds(
    Change,
    id=NUMBERS,
    cycle_id=IDS,
    kind=KINDS,
    action=st.sampled_from(Action),
    result=st.sampled_from(ChangeResult),
    label=NAMES,
    external_id=NAMES,
    reason=NAMES,
    before=st.just({}),
    after=st.dictionaries(NAMES, NAMES, max_size=3),
    at=MOMENTS,
)
CYCLE_VIEWS = st.builds(
    CycleView,
    cycle=CYCLES,
    problem_groups=st.lists(GROUPS, max_size=12).map(tuple),
    changes_sample=st.lists(CHANGES, max_size=25).map(tuple),
    plan_sample=st.lists(PLANS, max_size=25).map(tuple),
    held=st.none() | HELD_SETS,
    licenses=st.none() | LICENSES,
    next_slot=st.none() | MOMENTS,
)
USERS = st.builds(
    User,
    id=NUMBERS,
    user_name=NAMES,
    display_name=NAMES,
    email=NAMES,
    status=st.sampled_from(UserStatus),
    profile=st.just({}),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    licensed=st.booleans(),
    protected=st.booleans(),
    groups=st.lists(NAMES, max_size=30).map(tuple),
)
CONFIGURATION = Configuration(
    id="k-1",
    account_id="default",
    spec=ConfigurationSpec(name="people-scim", provider=ScimSettings(url="https://idp.example")),
    enabled=True,
    revision=1,
    scope_revision=1,
    previous_scope=None,
    created_at=NOW,
    created_by="cli:ada",
)
STATUSES = st.builds(
    ConfigurationStatus,
    configuration=st.just(CONFIGURATION),
    open_cycle=st.none() | CYCLES,
    last=st.none() | CYCLES,
    next_slot=st.none() | MOMENTS,
    held=st.none() | HELD_SETS,
)
CYCLE = Cycle(
    id="c-00000001",
    configuration_id="k-1",
    configuration_name="people-scim",
    state=CycleState.FINISHED,
    trigger=Trigger.MANUAL,
    dry_run=False,
    requested_by="slack:U0ADMIN001",
    requested_by_name="Ada",
    requested_at=NOW,
    result=CycleResult.SUCCESS,
    started_at=NOW,
    finished_at=NOW + timedelta(seconds=75),
)


def accepted(*shown: blocks.Message) -> None:
    for message in shown:
        for form in (message, blocks.classic(message), blocks.text_only(message)):
            validate_message(form.payload(), update=True)


@RUNS
@given(CYCLE_VIEWS)
def test_a_cycle_in_any_state_is_shown(view):
    accepted(run_card.run_card(view, NOW), history.cycle_details(view, NOW))
    accepted(history.preview(view, NOW), history.errors(view))
    details = run_card.thread_details(view)
    if details is not None:
        accepted(details)


@RUNS
@given(HELD_SETS, st.lists(st.tuples(NAMES, NAMES), max_size=60), NAMES)
def test_a_held_set_in_any_state_is_shown(held_set, names, because):
    items = tuple(
        HeldItem(
            kind=ResourceKind.USER, external_id="1", label=name, action=Action.DISABLE, reason=why
        )
        for name, why in names
    )
    view = HeldView(held=held_set, items=items, more=0)
    accepted(held.held_card(held_set), held.held_review(view, because=because))
    accepted(held.held_choice([held_set] * 30))


@RUNS
@given(st.lists(CYCLES, max_size=10), st.integers(0, 100), NUMBERS)
def test_a_page_of_history_is_shown(cycles, offset, total):
    page = HistoryPage(cycles=tuple(cycles), total=total, offset=offset, limit=10)
    accepted(history.history(page, command="history --since=7d", now=NOW))


@RUNS
@given(st.lists(STATUSES, max_size=6), LICENSES, st.lists(NAMES, max_size=8), st.sampled_from(Role))
def test_the_status_and_the_home_tab_are_shown_to_every_role(lines, licenses, notices, role):
    view = StatusView(
        configurations=tuple(lines),
        licenses=licenses,
        people=dict.fromkeys(UserStatus, 3),
        notices=tuple(notices),
    )
    accepted(status.status(view, role=role, now=NOW))
    page = HistoryPage(cycles=(CYCLE,) * 9, total=9, offset=0, limit=10)
    validate_view(home.home_tab(view, page, role=role, now=NOW))
    validate_view(home.home_tab(None, None, role=role, now=NOW))


@RUNS
@given(st.lists(USERS, max_size=20), LICENSES, st.lists(CHANGES, max_size=25), NUMBERS)
def test_people_and_licenses_are_shown(users, licenses, changes, total):
    counts = dict.fromkeys(UserStatus, 7)
    page = PeoplePage(users=tuple(users), total=total, offset=20, limit=20, counts=counts)
    accepted(people.users(page, command="users"), people.licenses(licenses, role=Role.ADMIN))
    accepted(people.licenses_question(licenses, total))
    for user in users[:2]:
        view = PersonView(user=user, changes=tuple(changes))
        accepted(*(people.person(view, role=role, because=user.email) for role in Role))
    accepted(people.free_question([user.email for user in users], "free x --sure"))


@RUNS
@given(st.sampled_from(AlertKind), NAMES, NAMES, st.booleans(), LICENSES)
def test_an_alert_is_shown(kind, text, hint, resolved, licenses):
    for configuration in (None, CONFIGURATION):
        view = AlertView(
            kind=kind,
            title="Sync failed",
            text=text,
            hint=hint,
            resolved=resolved,
            configuration=configuration,
            licenses=licenses,
        )
        accepted(alerts.alert_card(view), alerts.resolved_line(view))
    accepted(alerts.record_line({"actor": "slack:U1", "actor_name": text, "text": hint}))


@RUNS
@given(NAMES, NAMES, st.lists(NAMES, max_size=120))
def test_an_error_with_any_words_is_shown(message, hint, choices):
    accepted(answers.problem(NotFoundError(message or "x", hint=hint)))
    command = Command(verb="sync", configuration=None)
    accepted(status.picker(command, [choice for choice in choices if choice][:120] or ["a"]))


def test_a_suggestion_that_changes_nothing_has_a_button_and_another_has_none():
    for suggestion, has in (("history", True), ("sync", False), ("licenses set 5", False)):
        error = UsageError("x", code="unknown_verb", hint="y", suggestion=suggestion)
        labels = str(answers.problem(error).blocks)
        assert (f"Run {suggestion}" in labels) is has


@pytest.mark.parametrize("spec", VERBS, ids=lambda spec: spec.name or "bare")
def test_every_verb_has_a_help_page(spec):
    accepted(answers.help_page(spec.name, Role.ADMIN))


@pytest.mark.parametrize("role", Role)
def test_the_help_of_every_role_fits(role):
    accepted(answers.help_page(None, role))


def test_a_successful_card_says_what_a_reader_wants_to_know():
    counts = Counts(read=120, created=117, updated=3, unchanged=0, invited=117)
    licenses = LicenseSummary(total=100, used=100, invited=20, waiting=0)
    view = CycleView(cycle=replace(CYCLE, counts=counts), licenses=licenses)
    shown = str(run_card.run_card(view, NOW).blocks)
    assert "✅ people-scim: Success" in shown
    assert "*117* created · *3* updated" in shown
    assert "100 of 100 licenses used, 20 invited. *20 will wait*" in shown
    assert "<@U0ADMIN001>" in shown
    assert "took 1 min 15 s" in shown
    assert "Sync again" not in shown


def test_an_unproven_read_says_plainly_why_nobody_was_removed():
    proof = Proof(read=60, announced=120, pages=1, failed=(("total_differs", "The end is open."),))
    assert words.unproven(proof) == (
        "Nobody was removed, because the list may be incomplete: the end is open."
    )
    assert words.unproven(replace(proof, failed=())) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "under a second"),
        (1, "1 s"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3840, "1 h 4 min"),
    ],
)
def test_a_length_of_time_reads_as_people_say_it(seconds, said):
    assert words.lasting(seconds) == said


def test_numbers_take_the_right_noun():
    assert words.people(1) == "1 person"
    assert words.people(2340) == "2,340 people"
    assert words.several(1, "removal") == "1 removal"


def test_a_picker_carries_the_whole_command():
    command = parse("history --status partial --since 7d")
    shown = status.picker(command, ["people-scim"])
    value = shown.blocks[0]["accessory"]["options"][0]["value"]
    assert parse(value) == replace(command, configuration="people-scim")


def test_very_long_causes_leave_a_message_that_slack_takes_whole():
    groups = tuple(
        ProblemGroup(
            severity=Severity.ERROR,
            code="x",
            attribute="",
            message="m" * 5000,
            hint="h" * 5000,
            people=1,
            samples=("s" * 5000,) * 3,
        )
        for _ in range(20)
    )
    plans = tuple(
        PlanItem(
            action=Action.CREATE,
            kind=ResourceKind.USER,
            label="l" * 5000,
            external_id="1",
            reason="r" * 5000,
        )
        for _ in range(60)
    )
    view = CycleView(cycle=CYCLE, problem_groups=groups, plan_sample=plans)
    accepted(run_card.run_card(view, NOW), history.cycle_details(view, NOW), history.errors(view))
    details = run_card.thread_details(view)
    assert details is not None
    accepted(details)


@pytest.mark.parametrize(
    ("counts", "done", "due"),
    [
        (Counts(), "nothing changed", "nothing to change"),
        (Counts(unchanged=7), "nothing changed · 7 unchanged", "nothing to change · 7 unchanged"),
        (
            Counts(created=1, disabled=2000, conflicts=2, warnings=1, errors=1),
            "*1* created · *2,000* disabled · *1 error* · *2 conflicts* · *1 warning*",
            "*1* to create · *2,000* to disable · *1 error* · *2 conflicts* · *1 warning*",
        ),
        (Counts(held=3, unchanged=1), "1 unchanged", "1 unchanged"),
        (Counts(groups_created=1, groups_updated=2), "", ""),
    ],
)
def test_a_line_of_counts_leaves_out_what_is_zero_and_names_each_trouble(counts, done, due):
    assert (words.counts_line(counts), words.plan_line(counts)) == (done, due)


def test_groups_are_counted_by_name_in_the_past_and_in_the_future():
    counts = Counts(groups_created=1, groups_updated=2)
    assert words.groups_line(counts) == "1 group created · 2 groups updated"
    assert words.groups_line(counts, due=True) == "1 group to create · 2 groups to update"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 days ago")],
)
def test_how_long_ago_is_told_roughly(seconds, said):
    assert words.ago(seconds) == said


def test_a_card_says_what_a_freeze_keeps_waiting_and_until_when():
    over = datetime(2027, 1, 5, 23, tzinfo=UTC)
    cycle = Cycle(
        id="c-1",
        configuration_id="k-1",
        configuration_name="people-scim",
        state=CycleState.FINISHED,
        trigger=Trigger.SCHEDULED,
        dry_run=False,
        requested_by="system:schedule",
        requested_by_name="the schedule",
        requested_at=NOW,
        result=CycleResult.SUCCESS,
        postponed=Postponed(removals=3, removals_until=over, invitations_until=over),
    )
    shown = str(run_card.run_card(CycleView(cycle=cycle), NOW).payload())
    assert "3 removals wait*: not now, removals are frozen until 2027-01-05 23:00 UTC" in shown
    assert "Invitations are frozen until 2027-01-05 23:00 UTC and are sent then" in shown
