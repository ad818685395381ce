"""Each page of an Okta org by each fault, through whole cycles: nobody is lost by mistake.

A first cycle brings everybody. Then the company changes a little, one answer is spoilt on its way,
and a cycle runs; then an undisturbed one does. What is right is taken from the org, never from
what the proxy let through.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from core.engine.context import CycleOutcome
from core.http.limits import HttpLimits
from core.model.configuration import Guard, Scope
from core.model.cycle import CycleResult
from core.providers.okta.provider import OktaProvider
from tests.support.engine_world import World
from tests.support.faultproxy import FaultProxy
from tests.support.figures import figure
from tests.support.okta_faults import A_PERSONS_OWN, ANYWHERE, OF_MIDDLE_PAGES, OF_PEOPLE
from tests.support.okta_world import OktaWorld, okta_world
from tests.support.page_faults import HURRIED, LIMITS, SLOW, Case, Outcome, all_cases, sampled
from tests.support.scim_backend import TOKEN

PEOPLE, PAGE = 60, 5
PAGES = PEOPLE // PAGE
USERS, GROUPS, MEMBERS = "/api/v1/users", "/api/v1/groups", "/api/v1/groups/{id}/users"
FIGURE = figure("Okta's pages by each fault, through whole cycles")
UNSEEN = frozenset({"record_dropped", "empty_page"})
"""What nobody could notice: a whole, well-formed list of members that is not the right one."""


CASES = all_cases(
    pages=PAGES,
    paths={"users": USERS, "groups": GROUPS, "members": MEMBERS},
    faults={
        "users": OF_PEOPLE,
        "groups": ANYWHERE,
        "members": {n: c for n, c in ANYWHERE.items() if n not in UNSEEN},
    },
    of_middle_pages=OF_MIDDLE_PAGES,
)
SAMPLE = sampled(CASES)


def test_there_are_at_least_five_hundred_cases():
    assert len(CASES) >= 500


@dataclass(kw_only=True)
class Company(Outcome):
    """The org, what is in front of it, and the account."""

    okta: OktaWorld
    proxy: FaultProxy

    async def cycle(
        self, limits: HttpLimits = LIMITS, *, through: str | None = None
    ) -> CycleOutcome:
        """Run one cycle a day later, with a provider of its own, through a proxy or directly."""
        settings = replace(self.okta.settings, page_size=PAGE)
        settings = settings if through is None else replace(settings, url=through)
        context = replace(self.okta.context, limits=limits)
        provider = await OktaProvider.open(settings, context=context)
        self.account.directory = provider
        self.account.clock.time += timedelta(hours=25)
        try:
            return await self.account.cycle()
        finally:
            await provider.aclose()

    def path_of(self, case: Case) -> str:
        return case.path.replace("{id}", next(iter(self.okta.org.groups)))


@asynccontextmanager
async def company(*, scoped: bool) -> AsyncIterator[Company]:
    """A company of sixty, of whom everybody is in one group; the guard lets all go."""
    async with okta_world() as okta:
        people = okta.org.add_people(PEOPLE)
        okta.org.add_group("Everybody", people)
        okta.org.add_group("Few", people[:3])
        account = World(
            scope=Scope(groups=("Everybody",) if scoped else ()),
            guard=Guard(percent=100, minimum=1000),
        )
        async with FaultProxy(okta.server.url) as proxy:
            yield Company(okta=okta, proxy=proxy, account=account)


def turn(there: OktaWorld) -> set[str]:
    """One person leaves, one is deactivated, one suspended, one joins; return who is out."""
    org = there.org
    people = list(org.users)
    everybody = next(iter(org.groups))
    left, deactivated, suspended = people[7], people[23], people[41]
    org.delete_user(left)
    org.set_status(deactivated, "DEPROVISIONED")
    org.set_status(suspended, "SUSPENDED")
    joiner = org.add_user("joiner@example.com", title="Engineer")
    org.set_members(everybody, [*org.members[everybody], joiner])
    return {left, deactivated, suspended}


@pytest.mark.parametrize("case", SAMPLE, ids=str)
async def test_a_fault_on_a_page_removes_nobody_who_is_there(case):
    scoped = case.page % 2 == 0 or case.path != USERS
    with FIGURE.trying():
        async with company(scoped=scoped) as here:
            assert (await here.cycle()).result is CycleResult.SUCCESS
            assert len(here.provisioned()) == PEOPLE
            out = turn(here.okta)
            injection = here.proxy.inject(case.change, page=case.page, path=here.path_of(case))

            limits = HURRIED if case.name in SLOW else LIMITS
            outcome = await here.cycle(limits, through=here.proxy.url)

            assert injection.struck, "the fault was never shown, so the case proves nothing"
            assert here.removed() <= out
            readable(outcome)
            if case.name in A_PERSONS_OWN:
                assert here.removed() == out
            assert (await here.cycle()).result is CycleResult.SUCCESS
            assert here.removed() == out
            active = {key for key, one in here.okta.org.users.items() if one["status"] == "ACTIVE"}
            assert here.provisioned() == active


def readable(outcome: CycleOutcome) -> None:
    """Whatever is told is a sentence, and no secret."""
    told = [] if outcome.error is None else [outcome.error.message]
    told += [text for _, text in outcome.proof.failed] if outcome.proof else []
    assert outcome.result is CycleResult.SUCCESS or told or outcome.proof
    for text in told:
        assert len(text.split()) >= 4
        assert text.rstrip().endswith((".", "…"))
        assert TOKEN not in text
