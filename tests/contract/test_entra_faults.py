"""Each page of an Entra tenant by each fault, through whole cycles: nobody is lost by mistake.

A first cycle brings everybody. Then the company changes a little, one answer is spoilt on its way,
and a cycle runs; then an undisturbed one does. What is right is taken from the tenant, never from
what the proxy let through.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from core.http.limits import HttpLimits
from core.ports import IdentityProvider
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
from tests.support.page_faults import PAGE, PEOPLE, Case, Company, all_cases, sampled
from tests.vendors.entra_tokens import SECRET

USERS, GROUPS, MEMBERS = "/v1.0/users", "/v1.0/groups", "/v1.0/$batch"
FIGURE = figure("Entra's pages by each fault, through whole cycles")

CASES = all_cases(
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
class Directory(Company):
    """Its people in Entra ID."""

    own = A_PERSONS_OWN
    secret = SECRET
    entra: EntraWorld

    def opened(
        self, limits: HttpLimits, **url: str
    ) -> AbstractAsyncContextManager[IdentityProvider]:
        self.entra.limits = limits
        return self.entra.opened(page_size=PAGE, **url)

    def turn(self) -> set[str]:
        """One person leaves, two are disabled, one joins."""
        tenant = self.entra.tenant
        people = list(tenant.users)
        left, one, another = people[7], people[23], people[42]
        tenant.delete(left)
        tenant.update(one, accountEnabled=False)
        tenant.update(another, accountEnabled=False)
        joiner = self.entra.person("joiner")
        tenant.join(next(iter(tenant.groups)), users=[joiner])
        return {left, one, another}

    def active(self) -> set[str]:
        users = self.entra.tenant.users
        return {one for one in users if users[one]["accountEnabled"]}


@asynccontextmanager
async def company(entra: EntraWorld, case: Case) -> AsyncIterator[Company]:
    """Put sixty people behind a proxy."""
    entra.server.clear()
    people = entra.people(PEOPLE)
    entra.tenant.add_group("Everybody", users=people)
    entra.tenant.add_group("Few", users=people[:3])
    async with FaultProxy(entra.server.url) as proxy:
        yield Directory(entra=entra, proxy=proxy, account=case.account)


@pytest.mark.parametrize("case", SAMPLE, ids=str)
async def test_a_fault_on_a_page_removes_nobody_who_is_there(tenant, case):
    with FIGURE.trying():
        async with company(tenant, case) as here:
            await here.survives(case)
