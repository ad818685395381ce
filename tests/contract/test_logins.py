"""Logins told by applications, and the applications' tokens, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from core.engine.matching import match_key
from core.errors import ConflictError, NotFoundError
from core.model.account import UserStatus
from core.model.application import Login, LoginName, LoginStatus, NamedBy
from core.store.logins import LoginAsked
from core.store.opening import open_store
from tests.support.clocks import WallClock
from tests.support.figures import FULL, figure
from tests.support.scripted_directory import people
from tests.support.store_world import StoreWorld, store_world

RACES = figure("simultaneous logins from four servers")
EMAIL = "u1@example.com"
LOGS = "SELECT actor, action, detail FROM audit WHERE action = 'login'"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[StoreWorld]:
    """Give an account of six invited people and three licenses."""
    async with store_world(database_url, people(6)) as found:
        await found.cycle()
        await found.store.licenses.set_total(3, audit=found.audit())
        yield found


def named(email: str) -> LoginName:
    return LoginName(by=NamedBy.EMAIL, key=match_key(email))


def asked(world: StoreWorld, name: LoginName, app: str = "portal") -> LoginAsked:
    entry = replace(world.audit(), actor=f"app:{app}", door="api", action="login")
    return LoginAsked(name=name, audit=entry)


async def log_in(world: StoreWorld, *numbers: int) -> list[tuple[str, int | None]]:
    """Let people log in, in one transaction."""
    batch = [asked(world, named(f"u{n}@example.com")) for n in numbers]
    found = await world.store.logins.log_in(batch, now=world.clock.now())
    return [(each.status.value, each.place) for each in found]


async def test_a_batch_is_answered_as_if_people_had_come_one_after_the_other(world):
    assert await log_in(world, 1, 1, 2, 4, 5, 4, 6, 1) == [
        ("activated", None),
        ("active", None),
        ("activated", None),
        ("activated", None),
        ("waiting", 1),
        ("active", None),
        ("waiting", 2),
        ("active", None),
    ]
    await world.store.licenses.set_total(4, audit=world.audit())
    assert await log_in(world, 3, 6, 5, 6) == [
        ("waiting", 3),
        ("waiting", 2),
        ("activated", None),
        ("waiting", 1),
    ]


async def test_what_a_login_changed_stands_in_the_audit_under_the_application(world):
    batch = [asked(world, named(f"u{n}@example.com"), app=f"a{n % 2}") for n in range(1, 6)]
    await world.store.logins.log_in([*batch, *batch], now=world.clock.now())
    rows = await world.sql("SELECT email, id FROM users")
    ids = dict(rows)
    entries = await world.store.audit.list(limit=100)
    found = {each.actor: each.detail for each in entries if each.action == "login"}
    assert found == {
        "app:a1": {
            "activated": [ids["u1@example.com"], ids["u3@example.com"]],
            "waiting": [ids["u5@example.com"]],
        },
        "app:a0": {
            "activated": [ids["u2@example.com"]],
            "waiting": [ids["u4@example.com"]],
        },
    }
    await world.store.logins.log_in(batch, now=world.clock.now())
    assert len(await world.sql(LOGS)) == 2


async def test_that_somebody_logged_in_is_written_at_most_once_an_hour(world):
    one = named("u1@example.com")
    assert await world.store.logins.look(one, now=world.clock.now()) is None
    await log_in(world, 1)
    first = world.clock.now()
    for minutes in (0, 30, 29):
        world.clock.time += timedelta(minutes=minutes)
        settled = await world.store.logins.look(one, now=world.clock.now())
        assert settled == Login(status=LoginStatus.ACTIVE)
        await log_in(world, 1)
        (when,) = await world.sql("SELECT last_login_at FROM users WHERE email = :e", e=EMAIL)
        assert when == (first.timestamp(),)
    world.clock.time += timedelta(minutes=1)
    assert await world.store.logins.look(one, now=world.clock.now()) is None
    await log_in(world, 1)
    (when,) = await world.sql("SELECT last_login_at FROM users WHERE email = :e", e=EMAIL)
    assert when == (world.clock.now().timestamp(),)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("staged", "waiting"), ("disabled", "disabled"), ("deleted", "unknown")],
)
async def test_who_is_not_invited_disabled_or_deleted_gets_no_license(world, status, expected):
    await world.sql("UPDATE users SET status = :s WHERE email = :e", s=status, e=EMAIL)
    settled = await world.store.logins.look(named(EMAIL), now=world.clock.now())
    assert settled == Login(status=LoginStatus(expected))
    assert await log_in(world, 1) == [(expected, None)]
    assert (await world.store.licenses.summary()).used == 0
    assert (await world.person(EMAIL)).status.value == status


async def test_a_user_name_of_several_people_is_nobodys(world):
    await world.sql("UPDATE users SET user_name = 'Ada' WHERE email = 'u1@example.com'")
    ada = LoginName(by=NamedBy.USER_NAME, key="aDA")
    assert await world.store.logins.look(ada, now=world.clock.now()) is None
    await world.sql("UPDATE users SET user_name = 'ada' WHERE email = 'u2@example.com'")
    settled = await world.store.logins.look(ada, now=world.clock.now())
    assert settled == Login(status=LoginStatus.UNKNOWN)
    await world.sql("UPDATE users SET status = 'deleted' WHERE email = 'u2@example.com'")
    assert await world.store.logins.look(ada, now=world.clock.now()) is None


async def test_the_link_of_whoever_logged_in_no_longer_works(world):
    due = await world.store.invitations.due(owner="w", now=world.clock.now())
    tokens = {each.email: each.token for each in due}
    await log_in(world, 1)
    assert await world.store.activations.accept(tokens[EMAIL], audit=world.audit()) is None
    state = await world.sql(
        "SELECT DISTINCT i.state FROM invitations i JOIN users u ON u.id = i.user_id"
        " WHERE u.email = :e",
        e=EMAIL,
    )
    assert state == [("accepted",)]


async def test_a_token_is_kept_as_a_hash_and_revoked_for_good(world):
    apps, token = world.store.applications, "dsa_" + "x" * 43
    made = await apps.create("portal", token=token, by="cli:ada", audit=world.audit())
    with pytest.raises(ConflictError):
        await apps.create("portal", token="dsa_other", by="cli:ada", audit=world.audit())
    assert (await apps.by_token(token, now=world.clock.now())).id == made.id
    assert await apps.by_token(token + "x", now=world.clock.now()) is None
    (row,) = await world.sql("SELECT * FROM app_tokens")
    assert token not in str(row)
    await apps.revoke("portal", audit=world.audit())
    assert await apps.by_token(token, now=world.clock.now()) is None
    with pytest.raises(NotFoundError):
        await apps.revoke("portal", audit=world.audit())
    await apps.create("portal", token="dsa_other", by="cli:ada", audit=world.audit())
    assert [each.revoked_at is None for each in await apps.all()] == [True, False]


async def test_the_hour_of_a_tokens_last_use_is_known(world):
    apps = world.store.applications
    await apps.create("portal", token="t", by="cli:ada", audit=world.audit())
    first = world.clock.now()
    await apps.by_token("t", now=first)
    await apps.by_token("t", now=first + timedelta(minutes=59))
    assert (await apps.all())[0].last_used_at == first
    await apps.by_token("t", now=first + timedelta(minutes=60))
    assert (await apps.all())[0].last_used_at == first + timedelta(minutes=60)


async def test_four_servers_give_exactly_the_licenses_there_are(database_url):
    crowd, seats = (500, 100) if FULL else (120, 25)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(store_world(database_url, people(crowd)))
        await world.cycle()
        await world.store.licenses.set_total(seats, audit=world.audit())
        stores = [world.store]
        if world.store.backend == "postgresql":
            stores += [
                await stack.enter_async_context(
                    await open_store(database_url, clock=WallClock(), migrate=False)
                )
                for _ in range(3)
            ]
        batches = [
            [
                asked(world, named(f"u{n}@example.com"))
                for n in range(start + 1, min(start + 7, crowd) + 1)
            ]
            for start in range(0, crowd, 7)
        ]
        with RACES.trying(crowd):
            found = await asyncio.gather(
                *(
                    stores[n % len(stores)].logins.log_in(batch, now=world.clock.now())
                    for n, batch in enumerate(batches)
                )
            )
            answers = [each for batch in found for each in batch]
            assert sum(each.status is LoginStatus.ACTIVATED for each in answers) == seats
            places = sorted(each.place for each in answers if each.place is not None)
            assert places == list(range(1, crowd - seats + 1))
        counts = await world.store.people.statuses()
        assert (counts[UserStatus.ACTIVE], counts[UserStatus.WAITING]) == (seats, crowd - seats)
