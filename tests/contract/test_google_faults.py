"""Each page of a Google customer by each fault, through whole cycles: nobody is lost by mistake.

A first cycle brings everybody. Then the company changes a little, one answer is spoilt on its way,
and a cycle runs; then an undisturbed one does. What is right is taken from the customer, never from
what the proxy let through.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from core.http.limits import HttpLimits
from core.ports import IdentityProvider
from tests.support.faultproxy import FaultProxy
from tests.support.figures import figure
from tests.support.google_faults import A_PERSONS_OWN, ANYWHERE, OF_MIDDLE_PAGES, OF_PEOPLE
from tests.support.google_world import GoogleWorld, google_world
from tests.support.page_faults import PAGE, PEOPLE, Case, Company, all_cases, sampled

API = "/admin/directory/v1"
USERS, GROUPS, MEMBERS = f"{API}/users", f"{API}/groups", f"{API}/groups/{{id}}/members"
FIGURE = figure("Google's pages by each fault, through whole cycles")
UNSEEN = frozenset({"record_dropped", "list_left_out"})
"""What nobody could notice: a whole, well-formed list of members that is not the right one."""

CASES = all_cases(
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
class Customer(Company):
    """Its people at Google."""

    own = A_PERSONS_OWN
    secret = "ya29."
    google: GoogleWorld
    out: set[str] = field(default_factory=set)

    def opened(
        self, limits: HttpLimits, **url: str
    ) -> AbstractAsyncContextManager[IdentityProvider]:
        self.google.context = replace(self.google.context, limits=limits)
        return self.google.opened(page_size=PAGE, **url)

    def turn(self) -> set[str]:
        """One person is deleted, one suspended, one archived, one joins."""
        customer = self.google.customer
        people = list(customer.users)
        everybody = next(iter(customer.groups))
        left, suspended, archived = people[7], people[23], people[43]
        customer.delete_user(left)
        customer.change(suspended, suspended=True)
        customer.change(archived, archived=True)
        joiner = customer.add_user("joiner@example.com")
        members = [one["id"] for one in customer.members[everybody]]
        customer.set_members(everybody, [*members, joiner])
        self.out = {left, suspended, archived}
        return self.out

    def active(self) -> set[str]:
        return self.google.customer.users.keys() - self.out

    def path_of(self, case: Case) -> str:
        return case.path.replace("{id}", next(iter(self.google.customer.groups)))


@asynccontextmanager
async def company(case: Case) -> AsyncIterator[Company]:
    """Put sixty people behind a proxy."""
    async with google_world() as google:
        # Members are to have pages of their own; tests/unit/test_google_batches.py has the others.
        google.server.batches_work = False
        customer = google.customer
        people = [*customer.users, *customer.add_people(PEOPLE - 1)]
        customer.add_group("Everybody", people)
        customer.add_group("Few", people[:3])
        async with FaultProxy(google.server.url) as proxy:
            yield Customer(google=google, proxy=proxy, account=case.account)


@pytest.mark.parametrize("case", SAMPLE, ids=str)
async def test_a_fault_on_a_page_removes_nobody_who_is_there(case):
    with FIGURE.trying():
        async with company(case) as here:
            await here.survives(case)
