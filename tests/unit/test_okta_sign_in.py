"""Signing in to Okta, and what a check says when something is missing."""

import json
import secrets
from dataclasses import replace
from functools import cache

import pytest
from joserfc.jwk import ECKey, RSAKey

from core.errors import ConfigurationError, PermissionMissingError, SignInError
from core.model.directory import CheckStatus
from tests.support.okta_world import CLIENT_ID, KEY_ID, okta_world, user_pages
from tests.support.scripted_http import Says, scripted
from tests.vendors.okta_tokens import ServiceApp

BOTH = {"okta.users.read", "okta.groups.read"}


@cache
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048)


def service_app(key: RSAKey | ECKey | None = None, **changed: object) -> ServiceApp:
    return ServiceApp(client_id=CLIENT_ID, keys={KEY_ID: key or rsa()}, **changed)


def pem(key: RSAKey | ECKey) -> dict[str, str]:
    return {"DIRSYNC_CREDENTIAL_K": key.as_pem(private=True).decode()}


async def failures(world, **changed: object) -> dict[str, str]:
    async with world.opened(**changed) as provider:
        report = await provider.check()
    lines = [line for line in report.lines if line.status is CheckStatus.FAILED]
    return {line.name: f"{line.detail} {line.hint}" for line in lines}


@pytest.mark.parametrize("kind", ["RSA", "EC", "JWK"])
async def test_a_service_app_signs_in_with_whatever_key_it_has(kind):
    key = ECKey.generate_key("P-256") if kind == "EC" else rsa()
    environ = pem(key)
    if kind == "JWK":
        jwk = key.as_dict(private=True) | {"kid": KEY_ID}
        environ = {"DIRSYNC_CREDENTIAL_K": json.dumps(jwk)}
    async with okta_world(app=service_app(key), environ=environ) as world:
        world.org.add_people(450)
        changed = {"key_id": None} if kind == "JWK" else {}
        async with world.opened(**changed) as provider:
            pages = await user_pages(provider)

    assert pages[-1].last
    assert world.server.paths.count("/oauth2/v1/token") == 1


async def test_a_token_that_expires_while_reading_is_asked_for_again():
    async with okta_world(app=service_app(), environ=pem(rsa())) as world:
        people = world.org.add_people(450)

        def expire(_: str, text: str) -> str:
            world.server.forget_grants()
            return text

        world.server.spoil = expire
        async with world.opened() as provider:
            pages = await user_pages(provider)

    assert sum(len(page.records) for page in pages) == len(people)
    assert world.server.paths.count("/oauth2/v1/token") == 3


@pytest.mark.parametrize("missing", [{"okta.users.read"}, {"okta.groups.read"}, BOTH])
async def test_each_scope_that_is_not_granted_is_named_with_where_to_grant_it(missing):
    app = service_app(scopes=BOTH - missing)
    async with okta_world(app=app, environ=pem(rsa())) as world:
        found = await failures(world)
        async with world.opened() as provider:
            with pytest.raises(PermissionMissingError):
                await user_pages(provider)

    named = {
        scope for scope in BOTH if any(f"the scope {scope}" in text for text in found.values())
    }
    assert named == missing
    assert set(found) == {"People" if scope == "okta.users.read" else "Groups" for scope in missing}
    assert all("Okta API Scopes" in text for text in found.values())
    for name, scope in (("People", "okta.users.read"), ("Groups", "okta.groups.read")):
        assert name not in found or f"grant {scope};" in found[name]


async def test_without_groups_their_scope_is_neither_asked_for_nor_missed():
    app = service_app(scopes={"okta.users.read"}, roles={"users"})
    async with okta_world(app=app, environ=pem(rsa())) as world:
        world.org.add_people(1)
        assert await failures(world, groups=False) == {}


@pytest.mark.parametrize(("role", "line"), [("users", "People"), ("groups", "Groups")])
async def test_a_role_that_is_missing_is_told_in_oktas_words(role, line):
    app = service_app(roles={"users", "groups"} - {role})
    async with okta_world(app=app, environ=pem(rsa())) as world:
        world.org.add_people(1)
        by_app = await failures(world)
    async with okta_world() as world:
        world.org.add_people(1)
        world.server.tokens = dict.fromkeys(world.server.tokens, {"users", "groups"} - {role})
        by_token = await failures(world)

    assert (set(by_app), set(by_token)) == ({line}, {line}), (by_app, by_token)
    assert f"Read-only Admin, or a custom role with the permission okta.{role}.read" in by_app[line]
    assert "Admin roles" in by_app[line]
    assert "Security > Administrators" in by_token[line]


async def test_an_app_that_requires_dpop_gets_its_proofs():
    async with okta_world(app=service_app(requires_dpop=True), environ=pem(rsa())) as world:
        people = world.org.add_people(450)
        world.org.add_group("Everybody", people)
        assert await failures(world) == {}
        world.server.paths.clear()
        async with world.opened() as provider:
            first = await user_pages(provider)
            world.server.nonce = "another-nonce"
            world.server.forget_grants()
            second = await user_pages(provider)

    assert sum(len(page.records) for page in first) == len(people)
    assert [page.records for page in first] == [page.records for page in second]
    assert world.server.paths.count("/oauth2/v1/token") == 3 + 2


async def test_an_app_whose_proofs_are_never_taken_says_what_to_switch_off():
    async with okta_world(app=service_app(requires_dpop=True), environ=pem(rsa())) as world:

        class Restless(type(world.server)):
            nonce = property(lambda _: secrets.token_hex(8), lambda *_: None)

        world.server.__class__ = Restless
        found = await failures(world)

    assert set(found) == {"Sign-in"}
    assert "Demonstrating Proof of Possession (DPoP)" in found["Sign-in"]


@pytest.mark.parametrize(
    "changed",
    [{"client_id": "0oaanother000000001"}, {"key_id": "unknown"}],
)
async def test_a_wrong_client_or_key_is_a_matter_of_the_sign_in(changed):
    async with okta_world(app=service_app(), environ=pem(rsa())) as world:
        found = await failures(world, **changed)

    assert set(found) == {"Sign-in"}
    assert "key_id" in found["Sign-in"]


async def test_another_key_is_refused_and_shown_to_nobody():
    async with okta_world(app=service_app(), environ=pem(RSAKey.generate_key(2048))) as world:
        found = await failures(world)
        async with world.opened() as provider:
            with pytest.raises(SignInError) as raised:
                await user_pages(provider)

    assert set(found) == {"Sign-in"}
    assert "eyJ" not in str(raised.value)


async def test_a_token_that_expired_says_where_to_make_another():
    async with okta_world() as world:
        world.server.revoke()
        found = await failures(world)

    assert set(found) == {"Sign-in"}
    assert "Security > API > Tokens" in found["Sign-in"]


async def test_the_check_names_the_org_that_was_reached():
    async with okta_world() as world:
        world.org.add_people(7)
        async with world.opened() as provider:
            report = await provider.check()

    assert report.company == f"acme.okta.example ({world.org.id})"
    assert [line.name for line in report.lines] == [
        "Network",
        "Okta org",
        "Sign-in",
        "People",
        "Groups",
    ]
    assert len(report.sample) == 5


@pytest.mark.parametrize(
    "answer",
    [
        Says(status=404, body=b'{"error": "what?"}'),
        Says(body=b"{}"),
        Says(body=b"[]"),
        Says(headers={"Content-Type": "text/html"}, body=b"<html>"),
    ],
)
async def test_an_address_that_is_no_org_is_told_as_such(answer):
    async with scripted(answer) as server, okta_world() as world:
        found = await failures(world, url=server.url())

    assert set(found) == {"Okta org"}
    assert "https://acme.okta.com" in found["Okta org"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"token": None}, "sign_in_ambiguous"),
        ({"client_id": "c", "private_key": "file:k"}, "sign_in_ambiguous"),
        ({"client_id": "c"}, "sign_in_ambiguous"),
        ({"token": None, "client_id": "c"}, "sign_in_ambiguous"),
        ({"key_id": "k"}, "sign_in_ambiguous"),
        ({"url": "https://acme.okta.com/api/v1"}, "url_invalid"),
        ({"url": "acme.okta.com"}, "url_invalid"),
        ({"url": "https://acme.okta.com?x=1"}, "url_invalid"),
        ({"url": "https://[acme"}, "url_invalid"),
    ],
)
async def test_settings_that_cannot_work_are_refused_at_once(changed, code):
    async with okta_world() as world:
        with pytest.raises(ConfigurationError) as raised:
            async with world.opened(**changed):
                """Not reached."""

    assert raised.value.code == code


async def test_a_secret_that_is_not_there_is_told_by_the_check():
    async with okta_world() as world:
        world.context = replace(world.context, environ={})
        found = await failures(world)

    assert set(found) == {"Sign-in"}
    assert "DIRSYNC_CREDENTIAL_T" in found["Sign-in"]
