"""Org units as a scope: at Google, through whole cycles, however units and people move."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from bot.slack.views import wizard
from core.engine.context import CycleOutcome
from core.engine.effect import effect_of
from core.engine.org_units import find_units
from core.engine.scoping import because, because_not
from core.errors import ConfigurationError
from core.model.account import UserStatus
from core.model.configuration import Draft, Guard, Scope
from core.model.cycle import CycleResult
from core.services.configuration_file import parse_file
from core.services.draft_fields import wrong_in
from core.services.scope_check import with_scope
from tests.support.engine_world import World
from tests.support.google_world import GoogleWorld, google_world
from tests.vendors.google_directory import GoogleCustomer
from tests.vendors.google_tokens import SCOPES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SALES = Scope(org_units=("/Sales",))


@dataclass(kw_only=True)
class Company:
    """A customer with units, and the account; people are called by the part before the @."""

    google: GoogleWorld
    account: World

    @property
    def customer(self) -> GoogleCustomer:
        return self.google.customer

    def person(self, name: str) -> str:
        return self.customer.find(f"{name}@example.com")["id"]

    def move(self, name: str, unit: str) -> None:
        self.customer.change(self.person(name), orgUnitPath=unit)

    async def cycle(self, **more: object) -> CycleOutcome:
        async with self.google.opened() as provider:
            self.account.directory = provider
            return await self.account.cycle(**more)

    def there(self) -> set[str]:
        """Who is provisioned and not disabled."""
        gone = {UserStatus.DISABLED, UserStatus.DELETED}
        links, users = self.account.store.links, self.account.store.users
        return {
            self.customer.users[key]["primaryEmail"].partition("@")[0]
            for key, link in links.items()
            if link.user and users[link.user].status not in gone
        }


@asynccontextmanager
async def company(scope: Scope = SALES) -> AsyncIterator[Company]:
    async with google_world() as google:
        for unit in ("/Sales", "/Sales/Berlin", "/SalesOps"):
            google.customer.add_unit(unit)
        for name, unit in {
            "sue": "/Sales",
            "ben": "/Sales/Berlin",
            "olga": "/SalesOps",
            "rob": "/",
        }.items():
            google.customer.add_user(f"{name}@example.com", unit=unit)
        account = World(scope=scope, guard=Guard(percent=100, minimum=1000))
        yield Company(google=google, account=account)


@pytest.mark.parametrize("name", ["/Sales", "/sales/", "the id"])
async def test_a_unit_and_those_below_it_are_in_scope(name):
    async with company() as here:
        found = here.customer.units["/Sales"] if name == "the id" else name
        here.account.edit_scope(Scope(org_units=(found,)))

        assert (await here.cycle()).result is CycleResult.SUCCESS

    assert here.there() == {"sue", "ben"}


async def test_the_topmost_unit_is_everybody():
    async with company(Scope(org_units=("/",))) as here:
        await here.cycle()

    assert here.there() == {"admin", "sue", "ben", "olga", "rob"}


async def test_units_and_domains_and_the_filter_have_to_agree():
    scope = Scope(org_units=("/Sales", "/SalesOps"), filter='userName.startsWith("o")')
    async with company(scope) as here:
        await here.cycle()

    assert here.there() == {"olga"}


async def test_who_moves_out_of_the_unit_leaves_and_who_moves_in_joins():
    async with company() as here:
        await here.cycle()
        here.move("ben", "/SalesOps")
        here.move("rob", "/Sales/Berlin")
        await here.cycle()

    assert here.there() == {"sue", "rob"}


async def test_a_renamed_unit_that_is_named_by_its_path_removes_nobody():
    async with company() as here:
        await here.cycle()
        here.customer.rename_unit("/Sales", "/Revenue")
        outcome = await here.cycle()

    assert outcome.result is CycleResult.FAILURE
    assert outcome.error.code == "scope_org_unit_missing"
    assert "/Sales" in outcome.error.message
    assert here.there() == {"sue", "ben"}


async def test_a_renamed_unit_that_is_named_by_its_id_changes_nothing():
    async with company() as here:
        here.account.edit_scope(Scope(org_units=(here.customer.units["/Sales"],)))
        await here.cycle()
        here.customer.rename_unit("/Sales", "/Revenue")
        outcome = await here.cycle()

    assert outcome.result is CycleResult.SUCCESS
    assert here.there() == {"sue", "ben"}


async def test_people_who_stay_behind_under_the_old_path_of_a_renamed_unit_leave():
    async with company() as here:
        here.account.edit_scope(Scope(org_units=(here.customer.units["/Sales"],)))
        await here.cycle()
        here.customer.rename_unit("/Sales", "/Revenue")
        here.customer.add_unit("/Sales")
        here.move("sue", "/Sales")
        await here.cycle()

    assert here.there() == {"ben"}, "somebody was judged by where the unit used to be"


@pytest.mark.parametrize("gone", [False, True], ids=["the unit is there", "the unit is gone"])
async def test_an_edit_of_the_scope_removes_nobody(gone):
    async with company() as here:
        await here.cycle()
        if gone:
            here.customer.rename_unit("/Sales", "/Revenue")
        here.account.edit_scope(Scope(org_units=("/SalesOps",)))
        await here.cycle()

    assert here.there() == {"sue", "ben", "olga"}


async def test_somebody_whose_unit_is_not_told_is_left_alone():
    async with company() as here:
        await here.cycle()
        del here.customer.users[here.person("sue")]["orgUnitPath"]
        outcome = await here.cycle()

    assert outcome.result is CycleResult.PARTIAL_SUCCESS
    assert here.there() == {"sue", "ben"}


async def test_a_missing_scope_of_google_is_named_and_removes_nobody():
    async with company() as here:
        await here.cycle()
        here.google.server.delegation.scopes.remove(SCOPES["orgunit"])
        outcome = await here.cycle()

    assert outcome.result is CycleResult.FAILURE
    assert SCOPES["orgunit"] in outcome.error.hint
    assert here.there() == {"sue", "ben"}


async def test_units_are_asked_for_once_a_cycle_and_only_where_the_scope_names_some():
    async with company(Scope(org_units=("/Sales", "/SalesOps"))) as here:
        await here.cycle()
        here.account.edit_scope(Scope())
        asked = [one for one in here.google.server.paths if one.endswith("/orgunits")]
        assert len(asked) == 1


async def test_a_preview_of_an_edit_counts_by_units():
    async with company(Scope()) as here:
        now = here.account.configuration
        await here.cycle()
        here.account.edit_scope(SALES)
        async with here.google.opened() as provider:
            effect = await effect_of(provider, now=now, then=here.account.configuration)

    assert (effect.in_scope, effect.leaves) == (2, 3)


async def test_a_directory_without_units_says_so():
    with pytest.raises(ConfigurationError) as raised:
        await find_units(World().directory, SALES)

    assert raised.value.code == "scope_org_units_unsupported"


@pytest.mark.parametrize(
    ("spoil", "status", "says"),
    [
        (lambda _: None, "ok", "The directory has the org unit /Sales."),
        (lambda here: here.customer.rename_unit("/Sales", "/Revenue"), "failed", "does not exist"),
        (
            lambda here: here.google.server.delegation.scopes.remove(SCOPES["orgunit"]),
            "failed",
            "granted no token",
        ),
    ],
    ids=["there", "renamed", "not granted"],
)
async def test_a_check_of_the_configuration_judges_its_units(spoil, status, says):
    async with company() as here:
        spoil(here)
        async with here.google.opened() as provider:
            report = await with_scope(await provider.check(), here.account.configuration, provider)

    assert (report.lines[-1].name, report.lines[-1].status.value) == ("Scope", status)
    assert says in report.lines[-1].detail
    assert report.lines[-1].hint or status == "ok"


async def test_a_check_without_units_in_the_scope_says_nothing_of_them():
    async with company(Scope()) as here, here.google.opened() as provider:
        report = await provider.check()
        assert await with_scope(report, here.account.configuration, provider) == report


def test_the_reason_for_being_in_scope_names_the_unit():
    both = Scope(org_units=("/Sales",), filter="active")

    assert because(SALES, [], "a@b.example") == "in or below the org unit /Sales"
    assert because_not(SALES, held=False, key="a@b.example") == (
        "in none of the scope's org units (/Sales)"
    )
    assert because_not(both, held=False, key="a@b.example") == (
        "in none of the scope's org units (/Sales), or the filter does not hold"
    )


FILE = "configurations:\n  - name: a\n    provider: {provider}\n    scope: {{org_units: {units}}}\n"
GOOGLE = "{type: google, admin: a@b.example, service_account: 'file:x'}"


@pytest.mark.parametrize("type_", ["scim", "csv", "entra", "okta"])
def test_a_file_says_which_providers_have_no_units(type_):
    providers = {
        "scim": "{type: scim, url: 'https://x.example', token: 'file:x'}",
        "csv": "{type: csv, file: x.csv}",
        "entra": "{type: entra, tenant: x, client_id: x, client_secret: 'file:x'}",
        "okta": "{type: okta, url: 'https://x.example', token: 'file:x'}",
    }
    with pytest.raises(ConfigurationError) as raised:
        parse_file(FILE.format(provider=providers[type_], units="[/Sales]"), source="f.yaml")

    assert f"line 4: org_units: a provider of the type {type_} has no org units" in str(
        raised.value
    )


def test_units_are_paths_or_ids():
    file = parse_file(
        FILE.format(provider=GOOGLE, units="[/Sales/EMEA & Co, id:03ph8a2z23yjui6]"), source="f"
    )
    assert file.configurations[0].scope.org_units == ("/Sales/EMEA & Co", "id:03ph8a2z23yjui6")
    with pytest.raises(ConfigurationError) as raised:
        parse_file(FILE.format(provider=GOOGLE, units="[Sales]"), source="f.yaml")
    assert "expected paths such as /Sales/Berlin" in str(raised.value)


LDAP = "{type: ldap, url: 'ldaps://x.example', base: 'dc=x', user: u, password: 'file:x'}"


def test_units_of_ldap_are_paths_dns_or_ids():
    units = ("Sales/Berlin", r"ou=R\, D,dc=x", "/", "id:7b1c4a1e-5c0e-4a59-9b6f-0d6f3c1f2a90")
    listed = json.dumps(list(units))
    file = parse_file(FILE.format(provider=LDAP, units=listed), source="f")
    assert file.configurations[0].scope.org_units == units
    for wrong in ("id:", "id:a*"):
        with pytest.raises(ConfigurationError) as raised:
            parse_file(FILE.format(provider=LDAP, units=json.dumps([wrong])), source="f.yaml")
        assert "paths below the base such as Sales/Berlin" in str(raised.value)


def test_the_forms_step_tells_a_wrong_unit_at_its_field():
    errors = wrong_in("scope", {"org_units": "/Sales\nSupport"}, kind="google-key")
    assert errors.keys() == {"org_units"}
    assert not wrong_in("scope", {"org_units": "/Sales"}, kind="google-key")
    assert not wrong_in("scope", {"org_units": "ou=R\\, D,dc=x\nSales"}, kind="ldap-password")
    assert wrong_in("scope", {"org_units": "/Sales"}, kind="okta-token").keys() == {"org_units"}


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"kind": "google-key"}, True),
        ({"kind": "ldap-password"}, True),
        ({"kind": "okta-token"}, False),
        ({"kind": "okta-token", "org_units": "/Sales"}, True),
    ],
    ids=["Google", "LDAP", "Okta", "Okta, after Google"],
)
def test_the_form_asks_for_units_where_there_are_any_or_some_were_entered(fields, asked):
    draft = Draft(
        id="d-1", owner="slack:U1", configuration=None, revision=0, fields=fields, updated_at=NOW
    )
    blocks = [block.get("block_id") for block in wizard.step(draft, "scope")["blocks"]]

    assert ("org_units" in blocks) is asked
