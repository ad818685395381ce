"""Each rule of the proof and of the guard is needed, and together they suffice.

For every rule there is a scenario that goes wrong as soon as that one rule is taken out.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import guard, proof
from core.errors import TransientRemoteError
from core.model.configuration import Guard, Scope
from core.model.directory import Page
from tests.support.engine_world import World
from tests.support.scripted_directory import people, person, team

Rules = Sequence[proof.Rule]
Scenario = Callable[[Rules], Awaitable[set[str]]]

SILENT = {"announces": False, "read_one": False}
COUNTED = {"announces": True, "read_one": False}
ASKABLE = {"announces": False, "read_one": True}


async def settled(rules: Rules, directory: dict[str, object], **spec: object) -> World:
    """Return a world whose twelve people are provisioned and whose guard is off."""
    world = World(people(12), directory=directory, rules=rules, guard_rules=(), **spec)
    await world.cycle()
    assert len(world.store.users) == 12
    return world


async def wrongly_removed(world: World) -> set[str]:
    """Run a cycle; everybody in the directory is active there, so nobody may be removed."""
    await world.cycle()
    return world.store.removed()


def without_last(pages: list[Page]) -> list[Page]:
    """The listing of a reader who may not see everybody: it looks perfect."""
    return [*pages[:-2], replace(pages[-2], last=True)]


async def reading_breaks_off(rules: Rules) -> set[str]:
    world = await settled(rules, SILENT)
    world.directory.bend = lambda pages: [*pages[:2], TransientRemoteError("gone")]
    return await wrongly_removed(world)


async def the_end_is_never_said(rules: Rules) -> set[str]:
    world = await settled(rules, SILENT)
    world.directory.bend = lambda pages: pages[:2]
    return await wrongly_removed(world)


async def one_record_is_lost(rules: Rules) -> set[str]:
    world = await settled(rules, COUNTED)
    world.directory.bend = lambda p: [*p[:-1], replace(p[-1], records=p[-1].records[:-1])]
    return await wrongly_removed(world)


async def the_total_sinks_while_reading(rules: Rules) -> set[str]:
    world = await settled(rules, COUNTED)

    def sinking(pages: list[Page]) -> list[Page]:
        short = replace(pages[-1], records=pages[-1].records[:-1], total=11)
        return [*pages[:-1], short]

    world.directory.bend = sinking
    return await wrongly_removed(world)


async def a_page_token_comes_again(rules: Rules) -> set[str]:
    world = await settled(rules, SILENT)
    world.directory.bend = lambda p: [p[0], replace(p[1], token=p[0].token, last=True)]
    return await wrongly_removed(world)


async def a_page_in_the_middle_is_blank(rules: Rules) -> set[str]:
    world = await settled(rules, SILENT)
    world.directory.bend = lambda p: [p[0], replace(p[1], records=[]), p[2]]
    return await wrongly_removed(world)


async def a_page_repeats_a_person_of_the_last(rules: Rules) -> set[str]:
    world = await settled(rules, SILENT)

    def shifted(pages: list[Page]) -> list[Page]:
        records = [pages[0].records[-1], *pages[1].records[1:]]
        return [pages[0], replace(pages[1], records=records), pages[2]]

    world.directory.bend = shifted
    return await wrongly_removed(world)


async def the_listing_is_empty(rules: Rules) -> set[str]:
    world = await settled(rules, COUNTED)
    world.configuration = replace(world.configuration, picked_canaries=())
    world.directory.bend = lambda pages: [replace(pages[0], records=[], total=0, last=True)]
    return await wrongly_removed(world)


async def a_record_belongs_to_nobody_knows_whom(rules: Rules) -> set[str]:
    world = await settled(rules, SILENT)
    world.directory.change("u5", broken=True, nameless=True)
    return await wrongly_removed(world)


async def the_reader_lost_the_right_to_see_some(rules: Rules) -> set[str]:
    world = await settled(rules, SILENT, guard=Guard(canaries=("u12@example.com",)))
    world.directory.bend = without_last
    return await wrongly_removed(world)


async def a_scope_group_is_truncated(rules: Rules) -> set[str]:
    world = await settled(rules, COUNTED)
    everybody = [one.id for one in world.directory.people]
    world.directory.teams = [team("other"), team("all", everybody[:6], complete=False)]
    world.edit_scope(Scope(groups=("other",)))
    world.edit_scope(Scope(groups=("all",)))
    return await wrongly_removed(world)


async def somebody_missing_is_still_there(rules: Rules) -> set[str]:
    world = await settled(rules, ASKABLE, guard=Guard(canaries=("u1",)))
    world.directory.bend = without_last
    return await wrongly_removed(world)


async def nobody_can_say_whether_somebody_is_gone(rules: Rules) -> set[str]:
    world = await settled(rules, ASKABLE, guard=Guard(canaries=("u1",)))
    world.directory.bend = without_last
    for number in range(9, 13):
        world.directory.answers[f"u{number}"] = TransientRemoteError("busy")
    return await wrongly_removed(world)


PROOF: dict[str, Scenario] = {
    "read_fault": reading_breaks_off,
    "no_end": the_end_is_never_said,
    "total_differs": one_record_is_lost,
    "totals_unstable": the_total_sinks_while_reading,
    "page_twice": a_page_token_comes_again,
    "page_without_new_people": a_page_in_the_middle_is_blank,
    "people_twice": a_page_repeats_a_person_of_the_last,
    "empty": the_listing_is_empty,
    "record_unidentified": a_record_belongs_to_nobody_knows_whom,
    "canary_missing": the_reader_lost_the_right_to_see_some,
    "group_members_unproven": a_scope_group_is_truncated,
    "absentee_still_there": somebody_missing_is_still_there,
    "absentee_unconfirmed": nobody_can_say_whether_somebody_is_gone,
}


def test_every_rule_of_the_proof_has_its_scenario():
    assert {rule.code for rule in proof.RULES} == set(PROOF)


@pytest.mark.parametrize("code", PROOF)
async def test_with_all_rules_of_the_proof_nobody_is_removed_by_mistake(code: str):
    assert await PROOF[code](proof.RULES) == set()


@pytest.mark.parametrize("code", PROOF)
async def test_without_this_rule_of_the_proof_somebody_is_removed_by_mistake(code: str):
    others = [rule for rule in proof.RULES if rule.code != code]
    assert await PROOF[code](others) != set()


async def too_many_at_once(rules: Sequence[guard.Rule]) -> int:
    world = World(people(40), guard_rules=rules)
    await world.cycle()
    world.directory.people = people(34)
    await world.cycle()
    return len(world.store.removed())


async def too_many_in_a_day(rules: Sequence[guard.Rule]) -> int:
    world = World(people(40), guard_rules=rules)
    await world.cycle()
    for left in (36, 33):
        world.directory.people = people(left)
        await world.cycle()
    return len(world.store.removed()) - 4


async def most_of_a_small_company(rules: Sequence[guard.Rule]) -> int:
    world = World(people(4), guard_rules=rules)
    await world.cycle()
    for one in ("u2", "u3", "u4"):
        world.directory.change(one, active=False)
    await world.cycle()
    return len(world.store.removed())


async def a_filter_that_invites_everybody(rules: Sequence[guard.Rule]) -> int:
    world = World(people(3), guard_rules=rules)
    await world.cycle()
    world.directory.people = people(600)
    await world.cycle()
    return len(world.store.users) - 3


GUARD: dict[str, Callable[[Sequence[guard.Rule]], Awaitable[int]]] = {
    "cycle_limit": too_many_at_once,
    "day_limit": too_many_in_a_day,
    "more_than_half": most_of_a_small_company,
    "creation_limit": a_filter_that_invites_everybody,
}


def test_every_rule_of_the_guard_has_its_scenario():
    assert {rule.code for rule in guard.RULES} == set(GUARD)


@pytest.mark.parametrize("code", GUARD)
async def test_with_all_rules_the_guard_holds_everything_over_a_limit(code: str):
    assert await GUARD[code](guard.RULES) == 0


@pytest.mark.parametrize("code", GUARD)
async def test_without_this_rule_the_guard_lets_it_through(code: str):
    others = [rule for rule in guard.RULES if rule.code != code]
    assert await GUARD[code](others) > 0


bends = st.lists(
    st.tuples(
        st.sampled_from(["drop page", "repeat page", "drop record", "end early", "swap", "fault"]),
        st.integers(0, 20),
    ),
    min_size=1,
    max_size=4,
)


def bent(pages: list[Page], steps: list[tuple[str, int]]) -> list[object]:
    out: list[object] = list(pages)
    for what, number in steps:
        here = number % len(out) if out else 0
        page = out[here] if out else None
        if not isinstance(page, Page):
            continue
        if what == "drop page":
            del out[here]
        elif what == "repeat page":
            out.insert(here, page)
        elif what == "drop record":
            out[here] = replace(page, records=page.records[1:])
        elif what == "end early":
            out[here] = replace(page, last=True)
            del out[here + 1 :]
        elif what == "swap":
            out[here], out[-1] = out[-1], out[here]
        else:
            out[here] = TransientRemoteError("fault")
    return out


@settings(max_examples=80, deadline=None)
@given(steps=bends, settled_before=st.booleans())
async def test_no_bent_listing_with_an_honest_total_removes_anybody(steps, settled_before):
    world = World(people(13), directory=COUNTED, guard_rules=())
    await world.cycle()
    if not settled_before:
        world.store.forget()
    world.directory.bend = lambda pages: bent(pages, steps)
    await world.cycle()
    assert world.store.removed() == set()


@settings(max_examples=80, deadline=None)
@given(steps=bends, gone=st.sets(st.integers(1, 13), max_size=4))
async def test_where_single_people_can_be_asked_for_only_true_leavers_go(steps, gone):
    world = World(people(13), directory=ASKABLE, guard_rules=())
    await world.cycle()
    leavers = {f"u{number}" for number in gone}
    world.directory.remove(*leavers)
    world.directory.bend = lambda pages: bent(pages, steps)
    await world.cycle()
    assert world.store.removed() <= leavers


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 60),
    leaving=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    percent=st.integers(0, 50),
    minimum=st.integers(0, 8),
)
async def test_in_any_day_at_most_the_limit_and_never_most_people_go(
    size, leaving, percent, minimum
):
    world = World(people(size), guard=Guard(percent=percent, minimum=minimum))
    await world.cycle()
    gone = 0
    for count in leaving:
        for number in range(gone, min(size, gone + count)):
            world.directory.change(f"u{number + 1}", active=False)
        gone += count
        await world.cycle()
    limit = max(minimum, percent * size // 100)
    assert len(world.store.removed()) <= min(limit, size // 2)


async def test_a_picked_canary_may_leave_like_everybody():
    world = World(people(12), directory={"read_one": True})
    await world.cycle()
    first = world.store.canaries
    world.directory.remove(first[0])
    await world.cycle()
    assert world.store.removed() == {first[0]}
    assert first[0] not in world.store.canaries
    assert len(world.store.canaries) == 5


async def test_most_of_the_picked_canaries_missing_is_no_proof():
    world = World(people(40), directory=SILENT, guard=Guard(minimum=100))
    await world.cycle()
    world.directory.remove(*world.store.canaries[:3])
    outcome = await world.cycle()
    assert [code for code, _ in outcome.proof.failed] == ["canary_missing"]


async def test_a_company_of_one_person_waits_for_a_release():
    world = World([person(1)])
    await world.cycle()
    world.directory.change("u1", active=False)
    outcome = await world.cycle()
    assert outcome.error.code == "held_by_guard"
    assert world.store.removed() == set()


async def test_one_of_two_people_may_go():
    world = World(people(2))
    await world.cycle()
    world.directory.remove("u2")
    await world.cycle()
    assert world.store.removed() == {"u2"}
