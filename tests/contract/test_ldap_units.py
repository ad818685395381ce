"""Org units of a real OpenLDAP directory: found by DN, path and id, and as a scope of cycles."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.engine.context import CycleOutcome
from core.engine.effect import effect_of
from core.errors import ConfigurationError, DirsyncError
from core.model.account import UserStatus
from core.model.configuration import Guard, Scope
from core.model.cycle import CycleResult
from core.model.reading import ReadKind
from core.services.scope_check import with_scope
from tests.support.engine_world import World
from tests.support.ldap_world import Opener, opener_on
from tests.support.scim_backend import TOKEN
from tests.support.slapd import (
    GROUPS,
    PEOPLE,
    READER,
    SUFFIX,
    Slapd,
    person_values,
    running_slapd,
)

SALES = f"ou=Sales,{PEOPLE}"
BERLIN = f"ou=Berlin,{SALES}"
LONG_AGO = "createTimestamp: 20260101000000Z\nmodifyTimestamp: 20260101000000Z\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with running_slapd() as running:
        yield running


@pytest.fixture
def directory(server: Slapd) -> Slapd:
    server.clear()
    server.unit("Berlin", server.unit("Sales"))
    server.unit("Berlin", server.unit("Support"))
    return server


@pytest.fixture
async def opened(directory: Slapd, tmp_path: Path) -> AsyncIterator[Opener]:
    async with opener_on(directory, tmp_path) as open_one:
        yield open_one


async def place(provider, name: str) -> tuple[str, ...] | None:
    """Return the unit in which the directory has somebody."""
    raw = await provider.find_user(f"{name}@example.com")
    return provider.decode_user(raw).org_unit


@pytest.mark.parametrize(
    "name",
    [
        "Sales/Berlin",
        "/sales/BERLIN/",
        " Sales / Berlin ",
        BERLIN,
        BERLIN.upper().replace(",", " , "),
        "the id",
    ],
)
async def test_a_unit_is_found_by_path_dn_and_id_and_is_where_its_people_are(
    directory, opened, name
):
    directory.add(f"cn=ann,{BERLIN}", person_values("ann"))
    provider = await opened(base=PEOPLE)

    found = await provider.find_org_unit(
        f"id:{directory.id_of(BERLIN)}" if name == "the id" else name
    )

    assert found == ("dc=com", "dc=example", "ou=people", "ou=sales", "ou=berlin")
    assert found == await place(provider, "ann")


@pytest.mark.parametrize("name", ["/", PEOPLE, SUFFIX])
async def test_the_base_and_what_is_above_it_are_everybody(directory, opened, name):
    directory.add(f"cn=ann,{BERLIN}", person_values("ann"))
    provider = await opened(base=PEOPLE)

    found = await provider.find_org_unit(name)

    assert (await place(provider, "ann"))[: len(found)] == found


@pytest.mark.parametrize(
    "name",
    [
        "Berlin",
        "Sales/Munich",
        "Sales/Berlin/Mitte",
        "*",
        "Sales/*",
        "Sales)(ou=*",
        "*)(objectClass=*",
        "Sales\\2a",
        "Sales/Ber\x00lin",
        "\ud800",
        "x" * 10_000,
        f"ou=*,{SALES}",
        "ou=nowhere",
        "ou=",
        "id:",
        "id:*",
        "id:7b1c4a1e-5c0e-4a59-9b6f-0d6f3c1f2a90",
    ],
)
async def test_what_is_no_unit_is_not_found_and_breaks_nothing(directory, opened, name):
    assert await (await opened(base=PEOPLE)).find_org_unit(name) is None


@pytest.mark.parametrize("name", ["R, D", "a = b", "Ärzte (HH)", "Zoë *", "日本 (東京)", "id"])
async def test_a_path_may_have_whatever_names_the_directory_has(directory, opened, name):
    escaped = "".join(f"\\{char}" if char in ',+"\\<>;=#' else char for char in name)
    unit = directory.unit(escaped, SALES)
    directory.add(f"cn=Smith\\, Ann,{unit}", person_values("ann"))
    provider = await opened(base=PEOPLE)

    assert await provider.find_org_unit(f"Sales/{name}") == await place(provider, "ann")
    assert await provider.find_org_unit(unit) == await place(provider, "ann")


async def test_containers_of_other_kinds_are_units_and_people_are_none(directory, opened):
    directory.add(f"l=Hamburg,{SALES}", {"objectClass": "locality"})
    directory.add(f"o=Partners,{SALES}", {"objectClass": "organization"})
    directory.add(f"cn=ann,{SALES}", person_values("ann") | {"ou": "Berlin", "l": "Kiel"})
    provider = await opened(base=PEOPLE)

    assert (await provider.find_org_unit("Sales/Hamburg"))[-1] == "l=hamburg"
    assert (await provider.find_org_unit("Sales/Partners"))[-1] == "o=partners"
    assert await provider.find_org_unit("Sales/ann") is None
    assert await provider.find_org_unit("Sales/Kiel") is None


async def test_a_path_to_two_units_and_a_unit_elsewhere_are_told(directory, opened):
    directory.add(f"l=Berlin,{SALES}", {"objectClass": "locality"})
    provider = await opened(base=PEOPLE)

    codes = []
    for name in ("Sales/Berlin", GROUPS):
        with pytest.raises(ConfigurationError) as raised:
            await provider.find_org_unit(name)
        codes.append(raised.value.code)
    assert codes == ["scope_org_unit_ambiguous", "scope_org_unit_outside"]
    assert await provider.find_org_unit(BERLIN)


async def test_a_unit_that_may_not_be_seen_is_none(directory, opened):
    provider = await opened(base=PEOPLE, user=f"cn=blind,{SUFFIX}")

    with pytest.raises(DirsyncError):
        await provider.find_org_unit("Sales/Berlin")


def company_ldif() -> str:
    """A company whose units and people are years old, so that a delta sees nobody of them."""
    units = {"people": SUFFIX, "groups": SUFFIX, "Sales": PEOPLE, "Berlin": SALES, "Ops": PEOPLE}
    people = {"sue": SALES, "ben": BERLIN, "olga": f"ou=Ops,{PEOPLE}", "rob": PEOPLE}
    entries = [
        f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Ex\n",
        (
            f"dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
            f"cn: reader\nuserPassword: {TOKEN}\n"
        ),
    ]
    entries += [
        f"dn: ou={name},{above}\nobjectClass: organizationalUnit\nou: {name}\n{LONG_AGO}"
        for name, above in units.items()
    ]
    entries += [
        f"dn: cn={name},{unit}\n"
        + "".join(f"{key}: {value}\n" for key, value in person_values(name).items())
        + LONG_AGO
        for name, unit in people.items()
    ]
    return "\n".join(entries)


@dataclass(kw_only=True)
class Company:
    """The directory, and the account that is kept in step with it."""

    directory: Slapd
    account: World
    opened: Opener

    async def cycle(self, **more: object) -> CycleOutcome:
        scope = self.account.configuration.spec.scope
        provider = await self.opened(base=PEOPLE, org_units=bool(scope.org_units), groups=False)
        self.account.directory = provider
        return await self.account.cycle(**more)

    def there(self) -> set[str]:
        """Who is provisioned and not disabled."""
        gone = {UserStatus.DISABLED, UserStatus.DELETED}
        users = self.account.store.users.values()
        return {user.key.partition("@")[0] for user in users if user.status not in gone}

    @property
    def read(self) -> tuple[ReadKind, str]:
        """What the latest cycle read, and why not only the changes."""
        return self.account.store.readings[-1]


@asynccontextmanager
async def company(tmp_path: Path, *units: str) -> AsyncIterator[Company]:
    with running_slapd(ldif=company_ldif()) as directory:
        async with opener_on(directory, tmp_path) as opened:
            account = World(scope=Scope(org_units=units), guard=Guard(percent=100, minimum=1000))
            yield Company(directory=directory, account=account, opened=opened)


async def test_people_moved_into_and_out_of_a_unit_come_and_go_with_a_delta(tmp_path):
    async with company(tmp_path, "Sales") as here:
        assert (await here.cycle()).result is CycleResult.SUCCESS
        assert here.there() == {"sue", "ben"}

        here.directory.move(f"cn=olga,ou=Ops,{PEOPLE}", f"cn=olga,{SALES}")
        here.directory.move(f"cn=sue,{SALES}", f"cn=sue,ou=Ops,{PEOPLE}")
        outcome = await here.cycle()

    assert outcome.result is CycleResult.SUCCESS
    assert here.read == (ReadKind.DELTA, "")
    assert here.there() == {"ben", "olga"}


@pytest.mark.parametrize("by", ["path", "DN"])
async def test_a_renamed_unit_fails_the_cycle_and_removes_nobody(tmp_path, by):
    async with company(tmp_path, {"path": "Sales", "DN": SALES}[by]) as here:
        await here.cycle()
        here.directory.move(SALES, f"ou=Revenue,{PEOPLE}")
        outcome = await here.cycle()

    assert outcome.result is CycleResult.FAILURE
    assert outcome.error.code == "scope_org_unit_missing"
    assert here.there() == {"sue", "ben"}


async def test_a_renamed_unit_named_by_its_id_stays_the_scope(tmp_path):
    async with company(tmp_path) as here:
        here.account.edit_scope(Scope(org_units=(f"id:{here.directory.id_of(SALES)}",)))
        await here.cycle()
        here.directory.move(SALES, f"ou=Revenue,{PEOPLE}")
        outcome = await here.cycle()

    assert outcome.result is CycleResult.SUCCESS
    assert here.there() == {"sue", "ben"}


async def test_a_unit_moved_out_of_the_scope_takes_its_people_along_in_the_next_cycle(tmp_path):
    async with company(tmp_path, "Sales") as here:
        await here.cycle()
        here.directory.move(BERLIN, f"ou=Berlin,ou=Ops,{PEOPLE}")
        await here.cycle()
        said = here.read

    assert here.there() == {"sue"}
    assert said[0] is ReadKind.FULL
    assert "unit was renamed, moved" in said[1]


async def test_a_new_unit_alone_is_no_reason_to_read_everybody(tmp_path):
    async with company(tmp_path, "Sales") as here:
        await here.cycle()
        new = here.directory.unit("Hamburg", SALES)
        here.directory.add(f"cn=hal,{new}", person_values("hal"))
        await here.cycle()

    assert here.read == (ReadKind.DELTA, "")
    assert here.there() == {"sue", "ben", "hal"}


async def test_who_does_not_look_at_units_is_not_kept_from_reading_changes_only(tmp_path):
    async with company(tmp_path) as here:
        await here.cycle()
        here.directory.move(BERLIN, f"ou=Berlin,ou=Ops,{PEOPLE}")
        await here.cycle()

    assert here.read == (ReadKind.DELTA, "")


async def test_one_person_an_edit_and_the_check_go_by_units_too(tmp_path):
    async with company(tmp_path, "Sales") as here:
        await here.cycle(person="ben@example.com")
        assert here.there() == {"ben"}
        await here.cycle(person="olga@example.com")
        assert here.there() == {"ben"}

        before = here.account.configuration
        provider = here.account.directory
        report = await with_scope(await provider.check(), before, provider)
        assert report.lines[-1].detail == "The directory has the org unit Sales."
        here.account.edit_scope(Scope(org_units=("Ops", "Sales/Berlin")))
        effect = await effect_of(provider, now=before, then=here.account.configuration)

    assert (effect.joining, effect.leaving) == (("Olga",), ("Sue",))
