"""Each page of a Google customer by each fault, through whole cycles: nobody is lost by mistake.

A first cycle brings everybody. Then the company changes a little, one answer is spoilt on its way,
and a cycle runs; then an undisturbed one does. What is right is taken from the customer, never from
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
from core.providers.google.provider import GoogleProvider
from tests.support.engine_world import World
from tests.support.faultproxy import FaultProxy
from tests.support.figures import figure
from tests.support.google_faults import A_PERSONS_OWN, ANYWHERE, OF_MIDDLE_PAGES, OF_PEOPLE
from tests.support.google_world import GoogleWorld, google_world
from tests.support.page_faults import HURRIED, LIMITS, SLOW, Case, Outcome, all_cases, sampled

PEOPLE, PAGE = 60, 5
PAGES = PEOPLE // PAGE
API = "/admin/directory/v1"
USERS, GROUPS, MEMBERS = f"{API}/users", f"{API}/groups", f"{API}/groups/{{id}}/members"
FIGURE = figure("Google's pages by each fault, through whole cycles")
UNSEEN = frozenset({"record_dropped", "list_left_out"})
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
    """The customer, what is in front of it, and the account."""

    google: GoogleWorld
    proxy: FaultProxy

    async def cycle(
        self, limits: HttpLimits = LIMITS, *, through: str | None = None
    ) -> CycleOutcome:
        """Run one cycle a day later, with a provider of its own, through a proxy or directly."""
        settings = replace(self.google.settings, page_size=PAGE)
        settings = settings if through is None else replace(settings, url=through)
        context = replace(self.google.context, limits=limits)
        provider = await GoogleProvider.open(settings, context=context)
        self.account.directory = provider
        self.account.clock.time += timedelta(hours=25)
        try:
            return await self.account.cycle()
        finally:
            await provider.aclose()

    def path_of(self, case: Case) -> str:
        return case.path.replace("{id}", next(iter(self.google.customer.groups)))


@asynccontextmanager
async def company(*, scoped: bool) -> AsyncIterator[Company]:
    """A company of sixty, of whom everybody is in one group; the guard lets all go."""
    async with google_world() as google:
        # Members are to have pages of their own; tests/unit/test_google_batches.py has the others.
        google.server.batches_work = False
        customer = google.customer
        people = [*customer.users, *customer.add_people(PEOPLE - 1)]
        customer.add_group("Everybody", people)
        customer.add_group("Few", people[:3])
        account = World(
            scope=Scope(groups=("Everybody",) if scoped else ()),
            guard=Guard(percent=100, minimum=1000),
        )
        async with FaultProxy(google.server.url) as proxy:
            yield Company(google=google, proxy=proxy, account=account)


def turn(there: GoogleWorld) -> set[str]:
    """One person is deleted, one suspended, one archived, one joins; return who is out."""
    customer = there.customer
    people = list(customer.users)
    everybody = next(iter(customer.groups))
    left, suspended, archived = people[7], people[23], people[43]
    customer.delete_user(left)
    customer.change(suspended, suspended=True)
    customer.change(archived, archived=True)
    joiner = customer.add_user("joiner@example.com")
    customer.set_members(everybody, [*(one["id"] for one in customer.members[everybody]), joiner])
    return {left, suspended, archived}


@pytest.mark.parametrize("case", SAMPLE, ids=str)
async def test_a_fault_on_a_page_removes_nobody_who_is_there(case):
    scoped = case.page % 2 == 0 or case.path != USERS
    with FIGURE.trying():
        async with company(scoped=scoped) as here:
            assert (await here.cycle()).result is CycleResult.SUCCESS
            assert len(here.provisioned()) == PEOPLE
            out = turn(here.google)
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
            assert here.provisioned() == here.google.customer.users.keys() - out


def readable(outcome: CycleOutcome) -> None:
    """Whatever is told is a sentence, and no secret."""
    told = [] if outcome.error is None else [outcome.error.message]
    told += [text for _, text in outcome.proof.failed] if outcome.proof else []
    assert outcome.result is CycleResult.SUCCESS or told or outcome.proof
    for text in told:
        assert len(text.split()) >= 4
        assert text.rstrip().endswith((".", "…"))
        assert "ya29." not in text
