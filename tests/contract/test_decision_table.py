"""The state table, every cell, through the real stores."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from core.model.account import UserStatus
from core.model.configuration import Guard, Scope
from core.model.cycle import CycleResult
from tests.support.scripted_directory import Person
from tests.support.store_world import StoreWorld, store_world

ACCOUNT = (
    "nobody",
    "invited",
    "active",
    "disabled by sync",
    "disabled by an admin",
    "deleted",
    "foreign",
    "elsewhere",
)
TABLE = {
    "active": ("create", "update", "update", "enable", "update", "restore", "link", ""),
    "disabled": ("", "disable", "disable", "", "", "", "", ""),
    "out by edit": ("", "", "", "", "", "", "", ""),
    "out by provider": ("", "disable", "disable", "", "", "", "", ""),
    "absent": ("", "disable", "disable", "delete", "delete", "delete", "", ""),
    "unreadable": ("", "", "", "", "", "", "", ""),
}
"""What is recorded as done; nothing and keep are not recorded."""

BEFORE = {
    "nobody": None,
    "invited": "invited",
    "active": "active",
    "disabled by sync": "disabled",
    "disabled by an admin": "disabled",
    "deleted": "deleted",
    "foreign": "active",
    "elsewhere": "active",
}
AFTER = {"create": "invited", "enable": "active", "restore": "active", "disable": "disabled"}
CELLS = list(product(TABLE, ACCOUNT))
NARROW = Scope(domains=("example.com",))
WIDE = Scope(domains=("example.com", "edit.example"))

USERS = """
INSERT INTO users (account_id, id, configuration_id, user_name, display_name, email, match_key,
    status, profile, created_at, updated_at)
VALUES (:account, :id, NULL, :email, :email, :email, :email, 'active', '{}', 1, 1)
"""
STATES = {
    "active": "status = 'active', licensed = TRUE",
    "disabled by sync": "status = 'disabled', status_before = 'active', disabled_by = 'sync'",
    "disabled by an admin": "status = 'disabled', status_before = 'active', disabled_by = 'admin'",
    "deleted": "status = 'deleted', status_before = 'active', disabled_by = 'sync'",
}


def name(source: str, account: str) -> str:
    return f"{source} - {account}".replace(" ", "_")


def email(source: str, account: str) -> str:
    domain = "edit.example" if source == "out by edit" else "example.com"
    return f"{name(source, account)}@{domain}"


def first(source: str, account: str) -> Person:
    return Person(id=name(source, account), email=email(source, account))


def later(source: str, account: str) -> Person:
    """The record in the cycle that is looked at."""
    one = name(source, account)
    mail = email(source, account)
    if source == "out by provider":
        mail = f"{one}@elsewhere.example"
    return Person(
        id=one,
        email=mail,
        active=source != "disabled",
        broken=source == "unreadable",
        attributes={"title": "Engineer"},
    )


async def prepare(world: StoreWorld) -> None:
    """Bring everybody into the account state of their cell."""
    provisioned = [c for c in CELLS if c[1] not in ("nobody", "foreign", "elsewhere")]
    world.directory.people = [first(*cell) for cell in provisioned]
    await world.cycle(guard_rules=())
    long_ago = (world.clock.now() - timedelta(days=100)).timestamp()
    for source, account in provisioned:
        if account in STATES:
            await world.sql(
                f"UPDATE users SET {STATES[account]} WHERE email = :mail",
                mail=email(source, account),
            )
    await world.sql("UPDATE users SET disabled_at = :at WHERE disabled_by <> ''", at=long_ago)
    await world.sql(
        "UPDATE links SET absent_since = :at WHERE external_id LIKE 'absent%'", at=long_ago
    )
    for number, source in enumerate(TABLE):
        mail = later(source, "foreign").email
        await world.sql(USERS, id=900_000 + number, email=mail)
        elsewhere = later(source, "elsewhere").email
        await world.sql(USERS, id=910_000 + number, email=elsewhere)
        await world.sql("UPDATE users SET configuration_id = 'f-other' WHERE id >= 910000")
    await world.sql("UPDATE links SET digest = NULL")
    await world.apply(scope=NARROW)


async def statuses(world: StoreWorld) -> dict[str, tuple[str, bool]]:
    rows = await world.sql("SELECT email, status, licensed FROM users")
    return {str(mail).partition("@")[0]: (str(status), bool(lic)) for mail, status, lic in rows}


def expected_status(source: str, account: str) -> str | None:
    action = TABLE[source][ACCOUNT.index(account)]
    if action == "delete":
        return None if account == "deleted" else "deleted"
    return AFTER.get(action, BEFORE[account])


async def test_every_cell_of_the_state_table_comes_out_as_written(database_url):
    async with store_world(
        database_url,
        scope=WIDE,
        guard=Guard(percent=100, minimum=1000),
        mapping={"title": "title"},
        directory={"page_size": 10},
    ) as world:
        await prepare(world)
        world.directory.people = [later(*cell) for cell in CELLS if cell[0] != "absent"]
        outcome, cycle = await world.cycle(guard_rules=())
        assert outcome.proof.proven, outcome.proof.failed
        changes = {c.external_id: str(c.action) for c in await world.changes(cycle)}
        status = await statuses(world)
        told = {p.external_id: p.problem.code for p in await world.store.cycles.problems(cycle.id)}

    for source, account in CELLS:
        one = name(source, account)
        erased = (source, account) == ("absent", "deleted")
        action = TABLE[source][ACCOUNT.index(account)]
        assert changes.get(one, "") == ("" if erased else action), one
        assert status.get(one, (None, False))[0] == expected_status(source, account), one
        claims = (source, account) == ("active", "elsewhere")
        assert (one in told) == (source == "unreadable" or claims), one
        assert (told.get(one) == "owned_elsewhere") == claims, one
        if action in {"disable", "delete"} and not erased:
            assert status[one][1] is False, one
        if action in {"enable", "restore"}:
            assert status[one] == (UserStatus.ACTIVE, True), one
    assert outcome.result is CycleResult.PARTIAL_SUCCESS
    assert cycle.counts.errors == len(ACCOUNT)
    assert cycle.counts.deleted == 3
    assert cycle.counts.skipped == 2


async def test_whoever_is_removed_loses_the_invitation_and_whoever_is_new_gets_one(database_url):
    async with store_world(
        database_url, scope=WIDE, guard=Guard(percent=100, minimum=1000)
    ) as world:
        await prepare(world)
        world.directory.people = [later(*cell) for cell in CELLS if cell[0] != "absent"]
        await world.cycle(guard_rules=())
        rows = await world.sql(
            "SELECT u.email, i.state FROM invitations i JOIN users u ON u.id = i.user_id"
        )
    state = {str(mail).partition("@")[0]: str(found) for mail, found in rows}
    for source in ("disabled", "out by provider", "absent"):
        assert state[name(source, "invited")] == "revoked"
        assert state[name(source, "active")] == "revoked"
    assert state[name("out by edit", "invited")] == "pending"
    assert state[name("active", "nobody")] == "pending"
    assert name("active", "foreign") not in state
