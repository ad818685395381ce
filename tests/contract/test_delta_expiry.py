"""Watermarks that a vendor's server takes no more, through whole cycles."""

from datetime import timedelta

import pytest

from core.model.account import UserStatus
from core.model.configuration import Guard
from core.model.cycle import CycleResult
from tests.support.entra_world import entra_world
from tests.support.okta_world import okta_world
from tests.support.store_world import store_world
from tests.vendors.entra_odata import RefusedError

REFUSALS = {
    "410": RefusedError(410, "resyncRequired", "Gone.", Location="https://elsewhere.example/x"),
    "400": RefusedError(400, "syncStateNotFound", "The sync state generation is not found."),
}
SPEC = {"guard": Guard(minimum=9), "mapping": {"title": "title"}}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
async def test_an_expired_delta_link_of_entra_is_replaced_by_a_full_reading_in_the_same_cycle(
    database_url, refusal
):
    with entra_world() as entra:
        people = entra.people(9)
        async with (
            entra.opened(wanted={"title"}) as provider,
            store_world(database_url, **SPEC) as world,
        ):
            world.directory = provider
            _, first = await world.cycle()
            assert (first.reading, first.counts.created) == ("full", 9)
            (old,) = await world.sql("SELECT mark FROM watermarks")
            entra.tenant.update(people[0], jobTitle="Director")
            entra.tenant.delete(people[1])
            entra.server.expired_deltas = refusal
            outcome, second = await world.cycle()
            assert outcome.result is CycleResult.SUCCESS
            assert second.reading == "full"
            assert "does not list changes that far back" in second.reading_note
            assert "The delta link has expired." in second.reading_note
            assert second.proof.proven
            assert (second.counts.updated, second.counts.disabled) == (1, 1)
            gone = await world.person("p0001@contoso.example")
            assert gone.status is UserStatus.DISABLED
            (new,) = await world.sql("SELECT mark FROM watermarks")
            assert new != old
            entra.server.expired_deltas = None
            entra.tenant.update(people[2], jobTitle="Director")
            _, third = await world.cycle()
            assert (third.reading, third.reading_note) == ("delta", "")
            assert third.counts.updated == 1


async def test_a_clock_of_okta_that_is_set_back_costs_one_full_reading_and_no_change(database_url):
    async with okta_world() as okta, okta.opened(wanted=frozenset({"title"})) as provider:
        okta.org.ahead = timedelta(hours=1)
        names = okta.org.add_people(9)
        async with store_world(database_url, **SPEC) as world:
            world.directory = provider
            await world.cycle()
            okta.org.ahead = timedelta()
            okta.org.change(names[0], title="Director")
            outcome, second = await world.cycle()
            assert outcome.result is CycleResult.SUCCESS
            assert second.reading == "full"
            assert "lies in the future" in second.reading_note
            assert second.counts.updated == 1
            okta.org.change(names[1], title="Director")
            _, third = await world.cycle()
            assert (third.reading, third.reading_note, third.counts.updated) == ("delta", "", 1)
