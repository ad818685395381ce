"""The DirSync control as Windows answers it, which no Samba does: in pieces, and with refusals."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from ipaddress import ip_network

import pytest

from core.errors import TransientRemoteError, WatermarkExpiredError
from core.model.configuration import LdapSettings
from core.model.directory import ChangePage, CheckStatus, Watermark
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.contract.providers.backend import LIMITS, SECRET
from tests.support.clocks import WallClock
from tests.support.scim_backend import TOKEN
from tests.support.scripted_ad import (
    BASE,
    CONTEXT,
    ScriptedDomain,
    Told,
    changed,
    scripted_domain,
)

pytest.importorskip("bonsai")
pytest.importorskip("ldap")

OBJECT_SECURITY, CHANGED_VALUES = 0x1, 0x80000000
REFUSALS = [Told(code=code) for code in (1, 50, 53)] + [Told(control=False)]


@pytest.fixture
async def domain() -> AsyncIterator[ScriptedDomain]:
    async with scripted_domain() as running:
        yield running


@pytest.fixture
async def provider(domain: ScriptedDomain) -> AsyncIterator[IdentityProvider]:
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": TOKEN},
        limits=LIMITS,
    )
    settings = LdapSettings(
        url=f"ldap://127.0.0.1:{domain.port}",
        start_tls=False,
        base=BASE,
        user="reader@win.example.test",
        password=SECRET,
    )
    opened = await open_provider(settings, context=context)
    yield opened
    await opened.aclose()


async def changes_of(provider: IdentityProvider, since: Watermark) -> list[ChangePage]:
    async with aclosing(provider.read_changes(since)) as pages:
        return [page async for page in pages]


def who(provider: IdentityProvider, pages: list[ChangePage]) -> set[str]:
    return {provider.identify(raw) for page in pages for raw in page.records}


async def test_changes_are_asked_for_until_there_are_no_more(domain, provider):
    ann, bob = domain.person("ann"), domain.person("bob")
    gone = "c0d49c21-4f6a-48ee-bb9b-7951398ff7d8"
    domain.told = [
        Told(more=True, cookie=b"one"),
        Told(cookie=b"two"),
        Told(more=True, cookie=b"three", entries=[changed(ann, title=[b"Boss"])]),
        Told(more=True, cookie=b"four"),
        Told(cookie=b"five", entries=[changed(bob, mail=[]), changed(gone, isDeleted=[b"TRUE"])]),
    ]

    pages = await changes_of(provider, await provider.watermark())

    assert who(provider, pages) == {ann, bob}
    assert {id_ for page in pages for id_ in page.removed} == {gone}
    assert json.loads(pages[-1].watermark)["cookie"] == "Zml2ZQ=="
    assert [one.cookie for one in domain.asked] == [b"", b"one", b"two", b"three", b"four"]
    assert {(one.base, one.critical, one.flags) for one in domain.asked} == {
        (CONTEXT, True, OBJECT_SECURITY | CHANGED_VALUES)
    }
    watched = domain.asked[-1].attributes
    assert {"isDeleted", "name", "objectClass", "member", "mail", "userAccountControl"} <= watched
    assert not {"nsAccountLock", "loginDisabled"} & watched


async def test_a_control_that_is_refused_leaves_the_update_numbers(domain, provider):
    ann = domain.person("ann")
    for told in [*REFUSALS, Told(code=12), Told(code=2), Told(code=3)]:
        domain.told, domain.asked = [told], []

        mark = await provider.watermark()

        assert (json.loads(mark)["cookie"], json.loads(mark)["number"]) == ("", 4711)
        assert len(domain.asked) == 1
    assert who(provider, await changes_of(provider, mark)) == {ann}
    assert b"uSNChanged" in domain.filters[0]
    assert len(domain.asked) == 1


async def test_one_that_is_refused_later_leaves_them_too(domain, provider):
    ann = domain.person("ann")
    domain.told = [Told(cookie=b"one"), *REFUSALS]
    mark = await provider.watermark()

    for _ in REFUSALS:
        domain.filters.clear()
        pages = await changes_of(provider, mark)
        assert who(provider, pages) == {ann}
        assert b"uSNChanged" in domain.filters[0]
        assert json.loads(pages[-1].watermark)["cookie"] == ""


async def test_a_cookie_that_is_not_accepted_has_expired(domain, provider):
    domain.told = [Told(cookie=b"one"), Told(code=2), Told(code=12)]
    mark = await provider.watermark()

    for _ in range(2):
        with pytest.raises(WatermarkExpiredError, match="does not accept"):
            await changes_of(provider, mark)


async def test_trouble_in_between_is_no_end_of_the_changes(domain, provider):
    ann = domain.person("ann")
    half = Told(more=True, cookie=b"two", entries=[changed(ann, title=[b"Boss"])])
    domain.told = [Told(cookie=b"one"), half, Told(code=52)]

    with pytest.raises(TransientRemoteError):
        await changes_of(provider, await provider.watermark())


async def test_a_change_that_is_nobodys_takes_a_whole_reading(domain, provider):
    domain.told = [Told(cookie=b"one"), Told(entries=[{"name": [b"x"]}])]

    with pytest.raises(WatermarkExpiredError, match="whose it is"):
        await changes_of(provider, await provider.watermark())


async def test_a_renamed_container_takes_a_whole_reading_and_another_stranger_does_not(
    domain, provider
):
    stranger = "56581a57-e5ff-470c-8300-cbc1163eff8f"
    renamed = Told(entries=[changed(stranger, name=[b"x"])])
    domain.told = [Told(cookie=b"one"), renamed, Told(), renamed, renamed]

    pages = await changes_of(provider, await provider.watermark())
    assert {id_ for page in pages for id_ in page.removed} == {stranger}

    with pytest.raises(WatermarkExpiredError) as raised:
        await changes_of(provider, pages[-1].watermark)
    assert raised.value.code == "org_unit_changed"


async def test_the_check_tries_it(domain, provider):
    domain.person("ann")
    for told, status, code in [
        (Told(entries=[changed("0" * 32, isDeleted=[b"TRUE"])]), CheckStatus.OK, ""),
        (Told(), CheckStatus.WARNING, "deletions_hidden"),
        (Told(code=53), CheckStatus.WARNING, "dirsync_refused"),
        (Told(code=3), CheckStatus.WARNING, "timeout"),
    ]:
        domain.told = [told]

        line = (await provider.check()).lines[-1]

        assert (line.name, line.status, line.code) == ("Changes", status, code)
        assert bool(line.hint) is bool(code)
