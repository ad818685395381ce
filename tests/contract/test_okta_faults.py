"""Each page of an Okta org by each fault, through whole cycles: nobody is lost by mistake.

A first cycle brings everybody. Then the company changes a little, one answer is spoilt on its way,
and a cycle runs; then an undisturbed one does. What is right is taken from the org, never from
what the proxy let through.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from core.http.limits import HttpLimits
from core.ports import IdentityProvider
from tests.support.faultproxy import FaultProxy
from tests.support.figures import figure
from tests.support.okta_faults import A_PERSONS_OWN, ANYWHERE, OF_MIDDLE_PAGES, OF_PEOPLE
from tests.support.okta_world import OktaWorld, okta_world
from tests.support.page_faults import PAGE, PEOPLE, Case, Company, all_cases, sampled
from tests.support.scim_backend import TOKEN

USERS, GROUPS, MEMBERS = "/api/v1/users", "/api/v1/groups", "/api/v1/groups/{id}/users"
FIGURE = figure("Okta's pages by each fault, through whole cycles")
UNSEEN = frozenset({"record_dropped", "empty_page"})
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
class Org(Company):
    """Its people at Okta."""

    own = A_PERSONS_OWN
    secret = TOKEN
    okta: OktaWorld

    def opened(
        self, limits: HttpLimits, **url: str
    ) -> AbstractAsyncContextManager[IdentityProvider]:
        self.okta.context = replace(self.okta.context, limits=limits)
        return self.okta.opened(page_size=PAGE, **url)

    def turn(self) -> set[str]:
        """One person leaves, one is deactivated, one suspended, one joins."""
        org = self.okta.org
        people = list(org.users)
        everybody = next(iter(org.groups))
        left, deactivated, suspended = people[7], people[23], people[41]
        org.delete_user(left)
        org.set_status(deactivated, "DEPROVISIONED")
        org.set_status(suspended, "SUSPENDED")
        joiner = org.add_user("joiner@example.com", title="Engineer")
        org.set_members(everybody, [*org.members[everybody], joiner])
        return {left, deactivated, suspended}

    def active(self) -> set[str]:
        return {key for key, one in self.okta.org.users.items() if one["status"] == "ACTIVE"}

    def path_of(self, case: Case) -> str:
        return case.path.replace("{id}", next(iter(self.okta.org.groups)))


@asynccontextmanager
async def company(case: Case) -> AsyncIterator[Company]:
    """Put sixty people behind a proxy."""
    async with okta_world() as okta:
        people = okta.org.add_people(PEOPLE)
        okta.org.add_group("Everybody", people)
        okta.org.add_group("Few", people[:3])
        async with FaultProxy(okta.server.url) as proxy:
            yield Org(okta=okta, proxy=proxy, account=case.account)


@pytest.mark.parametrize("case", SAMPLE, ids=str)
async def test_a_fault_on_a_page_removes_nobody_who_is_there(case):
    with FIGURE.trying():
        async with company(case) as here:
            await here.survives(case)
