"""A group ends only if the provider, asked for it, says that it is gone."""

from __future__ import annotations

import pytest

from core.errors import DirsyncError, TransientRemoteError
from core.model.cycle import CycleResult
from core.model.directory import Page, Presence
from tests.support.engine_world import World
from tests.support.scripted_directory import people, team

TEAMS = [team(name, ["u1", "u2"]) for name in ("a", "b", "c")]


def without_last(pages: list[Page]) -> list[Page | DirsyncError]:
    """A listing that leaves its last group out, and is right in everything else it says."""
    page = pages[-1]
    records = list(page.records)[:-1]
    return [Page(records=records, last=True, total=len(records), token=page.token)]


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (None, False),
        (Presence.GONE, True),
        (TransientRemoteError("down"), False),
    ],
)
async def test_a_group_missing_from_the_listing_stays_unless_it_is_gone(answer, ends) -> None:
    world = World(people(8), TEAMS)
    await world.cycle()
    world.directory.bend_groups = without_last
    if answer is not None:
        world.directory.answers["g-c"] = answer
    outcome = await world.cycle()
    assert world.directory.asked_groups == ["g-c"]
    assert ("g-c" in {row[0] for row in await world.store.groups(None)}) is not ends
    if ends:
        assert outcome.result is CycleResult.SUCCESS
    else:
        assert outcome.result is CycleResult.PARTIAL_SUCCESS
        assert outcome.error is not None
        assert outcome.error.code == "groups_unproven"
