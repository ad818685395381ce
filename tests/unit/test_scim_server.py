"""Talking to SCIM servers that are not quite what the RFCs describe."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

import pytest

from core.errors import ConfigurationError, ConflictError, RemoteError, TerminalRemoteError
from core.http.limits import HttpLimits
from core.model.configuration import ScimSettings
from core.model.directory import CheckStatus, ExternalId, Page, Presence
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.support.clocks import WallClock
from tests.support.scripted_http import Asked, Says, ScriptedServer, scripted

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
LIMITS = HttpLimits(attempts=2, retry_wait=0.01, retry_wait_max=0.02)
SIGN_IN = {"token": "env:DIRSYNC_CREDENTIAL_T"}
NOT_FOUND = Says(status=404, body=b'{"schemas": [], "status": "404"}')
PEOPLE = [{"id": f"i{n}", "userName": f"ann{n}"} for n in range(7)]


def says(document: object, status: int = 200) -> Says:
    return Says(status=status, body=json.dumps(document).encode())


def query(asked: Asked) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(urlsplit(asked.target).query).items()}


def listing(asked: Asked) -> Says:
    """Answer as an honest server with index paging."""
    start, count = int(query(asked)["startIndex"]), int(query(asked)["count"])
    part = PEOPLE[start - 1 : start - 1 + count]
    return says(
        {"schemas": [LIST], "totalResults": len(PEOPLE), "startIndex": start, "Resources": part}
    )


def server_with(**answers: Says | Callable[[Asked], Says]) -> Callable[[Asked], Says]:
    """Answer each endpoint as told, and 404 for the others."""

    def script(asked: Asked) -> Says:
        endpoint = urlsplit(asked.target).path.split("/")[1]
        answer = answers.get(endpoint, NOT_FOUND)
        return answer if isinstance(answer, Says) else answer(asked)

    return script


@asynccontextmanager
async def provider_at(server: ScriptedServer, **settings) -> AsyncIterator[IdentityProvider]:
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": "planted-token", "HOME": "/"},
        limits=LIMITS,
    )
    provider = await open_provider(
        ScimSettings(**{"url": server.url(), **SIGN_IN, **settings}), context=context
    )
    yield provider
    await provider.aclose()


async def users(provider: IdentityProvider) -> list[Page]:
    return [page async for page in provider.read_users()]


@pytest.mark.parametrize(
    "config",
    [
        NOT_FOUND,
        Says(status=403),
        Says(status=501),
        Says(body=b"<html></html>", headers={"Content-Type": "text/html"}),
        Says(body=b"{nonsense"),
        says({"pagination": "yes"}),
        says({"pagination": {"cursor": False, "maxPageSize": -3}}),
    ],
)
async def test_a_server_without_a_usable_configuration_is_read_by_index(config):
    script = server_with(ServiceProviderConfig=config, Users=listing)
    async with scripted(script=script) as server, provider_at(server, page_size=3) as provider:
        pages = await users(provider)

    assert [len(page.records) for page in pages] == [3, 3, 1]
    assert pages[-1].last


@pytest.mark.parametrize(
    "config",
    [
        {"pagination": {"cursor": False, "index": True, "maxPageSize": 2}},
        {"filter": {"supported": True, "maxResults": 2}},
    ],
)
async def test_no_more_is_asked_for_than_the_server_allows(config):
    script = server_with(ServiceProviderConfig=says(config), Users=listing)
    async with scripted(script=script) as server, provider_at(server) as provider:
        await users(provider)

    assert query(server.asked[1])["count"] == "2"


@pytest.mark.parametrize(
    ("pagination", "parameter"),
    [
        ({"cursor": True, "index": False}, "cursor"),
        ({"cursor": True, "index": True, "defaultPaginationMethod": "cursor"}, "cursor"),
        ({"cursor": True, "index": True, "defaultPaginationMethod": "index"}, "startIndex"),
        ({"cursor": False, "index": True}, "startIndex"),
    ],
)
async def test_the_way_of_paging_is_the_servers_choice(pagination, parameter):
    empty = says({"schemas": [LIST], "totalResults": 0})
    script = server_with(ServiceProviderConfig=says({"pagination": pagination}), Users=empty)
    async with scripted(script=script) as server, provider_at(server) as provider:
        pages = await users(provider)

    assert f"{parameter}=" in server.asked[1].target
    assert pages == [Page(records=(), last=True, total=0, token=pages[0].token)]


async def test_a_server_that_refuses_the_selection_is_read_without_it():
    def choosy(asked: Asked) -> Says:
        return says({"detail": "no"}, 400) if "attributes" in query(asked) else listing(asked)

    script = server_with(Users=choosy)
    async with scripted(script=script) as server, provider_at(server, page_size=3) as provider:
        pages = await users(provider)

    assert pages[-1].last
    assert ["attributes" in query(asked) for asked in server.asked] == [False, True, *[False] * 3]


async def test_a_bad_request_that_has_another_reason_stays_an_error():
    script = server_with(Users=says({"detail": "bad"}, 400))
    async with scripted(script=script) as server, provider_at(server) as provider:
        with pytest.raises(TerminalRemoteError) as raised:
            await users(provider)

    assert raised.value.status == 400


@pytest.mark.parametrize(
    ("answer", "presence"),
    [
        (says({"id": "i1", "active": True}), Presence.ACTIVE),
        (says({"id": "i1"}), Presence.ACTIVE),
        (says({"id": "i1", "active": False}), Presence.DISABLED),
        (says({"id": "i1", "active": "False"}), Presence.DISABLED),
        (NOT_FOUND, Presence.GONE),
        (Says(status=410), Presence.GONE),
    ],
)
async def test_one_person_is_active_disabled_or_gone(answer, presence):
    script = server_with(Users=answer)
    async with scripted(script=script) as server, provider_at(server) as provider:
        assert await provider.read_user(ExternalId("i1")) is presence


@pytest.mark.parametrize(
    "answer",
    [
        Says(status=404, body=b"<html>", headers={"Content-Type": "text/html"}),
        Says(status=404, body=b""),
        Says(status=503),
        Says(status=401),
        says({"id": "somebody-else"}),
        says([]),
        Says(body=b"<html>", headers={"Content-Type": "text/html"}),
    ],
)
async def test_nothing_but_the_servers_own_word_makes_somebody_gone(answer):
    script = server_with(Users=answer)
    async with scripted(script=script) as server, provider_at(server) as provider:
        with pytest.raises(RemoteError):
            await provider.read_user(ExternalId("i1"))


async def test_an_id_cannot_leave_its_place_in_the_path():
    script = server_with(Users=NOT_FOUND)
    async with scripted(script=script) as server, provider_at(server) as provider:
        await provider.read_user(ExternalId("../Groups?x=1#y"))

    assert urlsplit(server.asked[0].target).path == "/Users/..%2FGroups%3Fx%3D1%23y"


async def test_a_configuration_without_groups_reads_none():
    async with scripted() as server, provider_at(server, groups=False) as provider:
        assert [page async for page in provider.read_groups()] == []
        assert not provider.capabilities.groups

    assert not server.asked


@pytest.mark.parametrize(
    ("users_say", "failed", "code", "hint"),
    [
        (Says(status=401), "Sign-in", "sign_in_needed", "token"),
        (Says(status=403), "People", "permission_missing", "right"),
        (NOT_FOUND, "People", "not_found", "/scim/v2"),
        (
            Says(body=b"<html>", headers={"Content-Type": "text/html"}),
            "People",
            "html_login_page",
            "/scim/v2",
        ),
        (says({"people": []}), "People", "not_scim", "/scim/v2"),
        (Says(status=503), "People", "remote_unavailable", "Sync again"),
    ],
)
async def test_a_check_names_the_step_that_failed_and_what_to_do(users_say, failed, code, hint):
    script = server_with(ServiceProviderConfig=says({}), Users=users_say)
    async with scripted(script=script) as server, provider_at(server) as provider:
        report = await provider.check()

    assert not report.ok
    (line,) = [one for one in report.lines if one.status is CheckStatus.FAILED]
    assert (line.name, line.code) == (failed, code)
    assert hint in line.hint
    assert report.company == "127.0.0.1"


async def test_a_missing_secret_is_a_failed_sign_in_and_no_exception():
    missing = "env:DIRSYNC_CREDENTIAL_OTHER"
    async with scripted() as server, provider_at(server, token=missing) as provider:
        report = await provider.check()

    (line,) = [one for one in report.lines if one.status is CheckStatus.FAILED]
    assert (line.name, line.code) == ("Sign-in", "secret_missing")
    assert not server.asked


@pytest.mark.parametrize(
    "settings",
    [
        {"token": None},
        {"username": "ann", "password": "env:DIRSYNC_CREDENTIAL_T"},
        {"token": None, "username": "ann"},
        {"page_size": 0},
        {"url": "http://"},
    ],
)
async def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ConfigurationError):
        async with scripted() as server, provider_at(server, **settings):
            pass


async def test_a_literal_token_is_refused_and_not_repeated():
    async with scripted() as server, provider_at(server, token="literal-token-value") as provider:
        with pytest.raises(ConfigurationError) as raised:
            await users(provider)

    assert raised.value.code == "secret_literal"
    assert "literal-token-value" not in str(raised.value)


async def test_a_password_signs_in_with_basic():
    settings = {"token": None, "username": "ann", "password": "env:DIRSYNC_CREDENTIAL_T"}
    script = server_with(Users=listing)
    async with scripted(script=script) as server, provider_at(server, **settings) as provider:
        await users(provider)

    assert server.asked[0].headers["authorization"].startswith("Basic ")


async def test_client_credentials_sign_in_at_their_own_origin():
    settings = {
        "token": None,
        "client_id": "dirsync",
        "client_secret": "env:DIRSYNC_CREDENTIAL_T",
    }
    token = says({"access_token": "granted", "token_type": "Bearer", "expires_in": 60})
    script = server_with(Users=listing)
    async with scripted(token) as tokens, scripted(script=script) as server:
        settings["token_url"] = tokens.url("/token")
        async with provider_at(server, **settings) as provider:
            await users(provider)

    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer granted"}
    assert len(tokens.asked) == 1


@pytest.mark.parametrize(
    "to_a_filter",
    [
        listing,
        says({"schemas": [LIST], "totalResults": 0, "Resources": []}),
        says({"status": "400", "scimType": "invalidFilter"}, status=400),
        says({"status": "501"}, status=501),
    ],
    ids=["ignores it", "finds nobody ever", "refuses it", "does not know it"],
)
async def test_who_a_server_cannot_filter_for_is_found_in_its_listing(to_a_filter):
    def answer(asked: Asked) -> Says:
        if urlsplit(asked.target).path != "/Users":
            return NOT_FOUND
        if "filter" not in query(asked):
            return listing(asked)
        return to_a_filter if isinstance(to_a_filter, Says) else to_a_filter(asked)

    async with (
        scripted(script=server_with(Users=answer)) as server,
        provider_at(server) as provider,
    ):
        found = await provider.find_user("ann5")
        nobody = await provider.find_user("bob")

    assert provider.decode_user(found).external_id == "i5"
    assert nobody is None


async def test_two_people_of_one_name_are_not_chosen_between():
    both = [{"id": "i1", "userName": "ann"}, {"id": "i2", "userName": "Ann"}]
    page = says({"schemas": [LIST], "totalResults": 2, "startIndex": 1, "Resources": both})
    async with (
        scripted(
            script=server_with(Users=lambda a: page if "filter" in a.target else NOT_FOUND)
        ) as server,
        provider_at(server) as provider,
    ):
        with pytest.raises(ConflictError) as raised:
            await provider.find_user("ann")

    assert raised.value.code == "several_people"
