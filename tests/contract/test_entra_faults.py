"""Each page of an Entra tenant by each fault, through whole cycles: nobody is lost by mistake.

A first cycle brings everybody. Then the company changes a little, one answer is spoilt on its way,
and a cycle runs; then an undisturbed one does. What is right is taken from the tenant, never from
what the proxy let through.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from core.engine.context import CycleOutcome
from core.http.limits import HttpLimits
from core.model.configuration import Guard, Scope
from core.model.cycle import CycleResult
from tests.support.engine_world import World
from tests.support.entra_faults import (
    A_PERSONS_OWN,
    ANYWHERE,
    OF_MEMBERS,
    OF_MIDDLE_PAGES,
    OF_PEOPLE,
)
from tests.support.entra_world import EntraWorld, entra_world
from tests.support.faultproxy import FaultProxy
from tests.support.figures import figure
from tests.support.page_faults import HURRIED, LIMITS, SLOW, Outcome, all_cases, sampled
from tests.vendors.entra_tokens import SECRET

PEOPLE, PAGE = 60, 5
PAGES = PEOPLE // PAGE
USERS, GROUPS, MEMBERS = "/v1.0/users", "/v1.0/groups", "/v1.0/$batch"
FIGURE = figure("Entra's pages by each fault, through whole cycles")


CASES = all_cases(
    pages=PAGES,
    paths={"users": USERS, "groups": GROUPS, "members": MEMBERS},
    faults={"users": OF_PEOPLE, "groups": ANYWHERE, "members": OF_MEMBERS},
    of_middle_pages=OF_MIDDLE_PAGES,
)
SAMPLE = sampled(CASES)


def test_there_are_at_least_five_hundred_cases():
    assert len(CASES) >= 500


@pytest.fixture(scope="module")
def tenant() -> Iterator[EntraWorld]:
    with entra_world() as running:
        yield running


@dataclass(kw_only=True)
class Company(Outcome):
    """The tenant, what is in front of it, and the account."""

    entra: EntraWorld
    proxy: FaultProxy

    async def cycle(
        self, limits: HttpLimits = LIMITS, *, through: str | None = None
    ) -> CycleOutcome:
        """Run one cycle a day later, with a provider of its own, through a proxy or directly."""
        self.entra.limits = limits
        url = through or self.entra.server.url
        async with self.entra.opened(page_size=PAGE, url=url) as provider:
            self.account.directory = provider
            self.account.clock.time += timedelta(hours=25)
            return await self.account.cycle()


@asynccontextmanager
async def company(entra: EntraWorld, *, scoped: bool) -> AsyncIterator[Company]:
    """A company of sixty, of whom everybody is in one group; the guard lets all go."""
    entra.server.clear()
    people = entra.people(PEOPLE)
    entra.tenant.add_group("Everybody", users=people)
    entra.tenant.add_group("Few", users=people[:3])
    account = World(
        scope=Scope(groups=("Everybody",) if scoped else ()),
        guard=Guard(percent=100, minimum=1000),
    )
    async with FaultProxy(entra.server.url) as proxy:
        yield Company(entra=entra, proxy=proxy, account=account)


def turn(there: EntraWorld) -> set[str]:
    """One person leaves, two are disabled, one joins; return who is out."""
    people = list(there.tenant.users)
    left, one, another = people[7], people[23], people[42]
    there.tenant.delete(left)
    there.tenant.update(one, accountEnabled=False)
    there.tenant.update(another, accountEnabled=False)
    joiner = there.person("joiner")
    there.tenant.join(next(iter(there.tenant.groups)), users=[joiner])
    return {left, one, another}


@pytest.mark.parametrize("case", SAMPLE, ids=str)
async def test_a_fault_on_a_page_removes_nobody_who_is_there(tenant, case):
    scoped = case.page % 2 == 0 or case.path != USERS
    with FIGURE.trying():
        async with company(tenant, scoped=scoped) as here:
            assert (await here.cycle()).result is CycleResult.SUCCESS
            assert len(here.provisioned()) == PEOPLE
            out = turn(here.entra)
            injection = here.proxy.inject(case.change, page=case.page, path=case.path)

            limits = HURRIED if case.name in SLOW else LIMITS
            outcome = await here.cycle(limits, through=here.proxy.url)

            assert injection.struck, "the fault was never shown, so the case proves nothing"
            assert here.removed() <= out
            readable(outcome)
            if case.name in A_PERSONS_OWN:
                assert here.removed() == out
            assert (await here.cycle()).result is CycleResult.SUCCESS
            assert here.removed() == out
            users = here.entra.tenant.users
            assert here.provisioned() == {one for one in users if users[one]["accountEnabled"]}


def readable(outcome: CycleOutcome) -> None:
    """Whatever is told is a sentence, and no secret."""
    told = [] if outcome.error is None else [outcome.error.message]
    told += [text for _, text in outcome.proof.failed] if outcome.proof else []
    assert outcome.result is CycleResult.SUCCESS or told or outcome.proof
    for text in told:
        assert len(text.split()) >= 4
        assert text.rstrip().endswith((".", "…"))
        assert SECRET not in text
