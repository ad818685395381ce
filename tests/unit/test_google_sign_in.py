"""Signing in to Google: the key, the delegation, and what a check says of either."""

import json
from collections.abc import AsyncIterator

import pytest

from core.errors import ConfigurationError
from core.model.directory import CheckStatus
from core.providers.google.service_account import check_key
from core.services.draft_fields import wrong_in
from tests.support.google_world import GoogleWorld, google_world
from tests.vendors.google_tokens import ADMIN, CLIENT_ID, SCOPES, key_file

LINES = ("Network", "Sign-in", "Company", "People", "Groups", "Org units")
OK, FAILED, SKIPPED = CheckStatus.OK, CheckStatus.FAILED, CheckStatus.SKIPPED


@pytest.fixture
async def world() -> AsyncIterator[GoogleWorld]:
    async with google_world() as running:
        yield running


async def checked(world: GoogleWorld, **changed: object) -> dict:
    async with world.opened(**changed) as provider:
        report = await provider.check()
    assert tuple(line.name for line in report.lines) == LINES
    return {line.name: line for line in report.lines} | {"company": report.company}


async def test_a_check_names_the_customer_and_shows_five_people(world):
    world.customer.add_people(9)
    world.customer.add_group("Some")

    async with world.opened() as provider:
        report = await provider.check()

    assert report.ok
    assert report.company == "example.com (C03az79cb)"
    assert [one.user_name for one in report.sample][:2] == [ADMIN, "person0@example.com"]
    assert len(report.sample) == 5


@pytest.mark.parametrize(("kind", "line"), [("user", "People"), ("group", "Groups")])
async def test_the_scope_that_is_missing_is_named(world, kind, line):
    world.server.delegation.scopes.remove(SCOPES[kind])

    found = await checked(world)

    assert found["Sign-in"].status is OK
    assert found[line].status is FAILED
    assert found[line].code == "permission_missing"
    assert SCOPES[kind] in found[line].detail
    assert SCOPES[kind] in found[line].hint
    assert "Manage Domain Wide Delegation" in found[line].hint
    assert "up to 24 hours" in found[line].hint


async def test_without_any_delegation_the_client_id_to_add_is_named(world):
    world.server.delegation.scopes.clear()

    found = await checked(world)

    assert found["Sign-in"].status is FAILED
    assert CLIENT_ID in found["Sign-in"].hint
    assert found["People"].status is SKIPPED


async def test_org_units_are_nobodys_failure_where_their_scope_is_not_granted(world):
    world.server.delegation.scopes.remove(SCOPES["orgunit"])

    found = await checked(world)

    assert found["People"].status is OK
    assert found["Org units"].status is SKIPPED
    assert SCOPES["orgunit"] in found["Org units"].detail


@pytest.mark.parametrize(("kind", "line"), [("user", "People"), ("group", "Groups")])
async def test_an_admin_without_the_privilege_is_told_which(world, kind, line):
    world.server.delegation.admins[ADMIN].remove(kind)

    found = await checked(world)

    assert found[line].status is FAILED
    assert {"user": "Users > Read", "group": "Groups > Read"}[kind] in found[line].hint
    assert ADMIN in found[line].hint


@pytest.mark.parametrize(
    ("spoil", "hint"),
    [
        (lambda d: d.admins.clear(), ADMIN),
        (lambda d: d.keys.clear(), "create a new key"),
        (lambda d: setattr(d, "disabled", True), "enable the service account"),
        (lambda d: setattr(d, "ahead", 7200.0), "clock"),
    ],
    ids=["no such admin", "a deleted key", "a disabled account", "a wrong clock"],
)
async def test_a_refused_sign_in_says_where_to_look(world, spoil, hint):
    spoil(world.server.delegation)

    found = await checked(world)

    assert found["Network"].status is OK
    assert found["Sign-in"].status is FAILED
    assert found["Sign-in"].code == "sign_in_needed"
    assert hint in found["Sign-in"].hint


async def test_without_a_connection_only_the_network_is_judged(world):
    await world.server.stop_listening()

    found = await checked(world)

    assert found["Network"].status is FAILED
    assert [found[line].status for line in LINES[1:]] == [SKIPPED] * 5


KEY = json.loads(key_file())
BROKEN = {
    "no JSON": ("-----BEGIN PRIVATE KEY-----", "is not the JSON file"),
    "cut short": (key_file()[:900], "is not the JSON file"),
    "an OAuth client": ('{"installed": {"client_id": "x"}}', "no service account's key"),
    "a user's credential": ('{"type": "authorized_user"}', "another kind of credential"),
    "no address": (json.dumps(KEY | {"client_email": ""}), "has no client_email"),
    "half a key": (json.dumps(KEY | {"private_key": KEY["private_key"][:200]}), "cannot be read"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_typed_key_that_cannot_be_one_is_told_at_its_field(text, says):
    errors = wrong_in("signin", {"admin": ADMIN, "service_account": text}, kind="google-key")

    assert errors.keys() == {"service_account"}
    assert says in errors["service_account"]
    assert len(errors["service_account"]) < 150
    with pytest.raises(ConfigurationError) as raised:
        check_key(text)
    assert KEY["private_key"][40:80] not in raised.value.message


@pytest.mark.parametrize("text", [key_file(), "env:DIRSYNC_CREDENTIAL_GOOGLE", "file:google.json"])
def test_a_whole_key_or_a_reference_is_taken(text):
    assert not wrong_in("signin", {"admin": ADMIN, "service_account": text}, kind="google-key")


def test_an_admin_without_an_address_is_told_at_the_field():
    entered = {"admin": "ada", "service_account": key_file()}

    assert wrong_in("signin", entered, kind="google-key").keys() == {"admin"}


async def test_a_key_of_another_kind_fails_the_check_and_not_the_program(world):
    found = await checked(world, key='{"type": "authorized_user"}')

    assert found["Sign-in"].status is FAILED
    assert found["Sign-in"].code == "secret_invalid"
