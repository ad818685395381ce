"""Each page of an LDAP listing by each fault: nobody is ever lost behind a proven end."""

from collections.abc import Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from core.errors import DirsyncError, RecordError
from core.http.limits import HttpLimits
from core.model.configuration import LdapSettings
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.support.clocks import WallClock
from tests.support.figures import FULL
from tests.support.ldap_faults import CODES, Fault, LdapFaultProxy, Wrong
from tests.support.scim_backend import TOKEN
from tests.support.slapd import READER, SUFFIX, Slapd, running_slapd

PEOPLE, PAGE_SIZE = 66, 6
PAGES = PEOPLE // PAGE_SIZE
USUAL = HttpLimits(connect=5, read=5, total=10, attempts=2, retry_wait=0.001, retry_wait_max=0.01)
HURRIED = HttpLimits(connect=5, read=5, total=0.3, attempts=1)
WAITED_FOR = {
    Fault.SILENCE,
    Fault.NO_DONE,
    Fault.ENDLESS_LENGTH,
    Fault.ANOTHER_REQUESTS_ANSWER,
    Fault.GARBAGE,
}
"""What can only be given up waiting for."""
ONE_RECORD = {Fault.VALUE_NOT_TEXT, Fault.VALUE_WITH_NUL}
REPEATS = {Fault.PAGE_REPEATED, Fault.ENTRY_TWICE}
EXPECTED = {
    "operations_error": "remote_unavailable",
    "protocol_error": "remote_unavailable",
    "time_limit": "timeout",
    "size_limit": "size_limit",
    "stronger_auth": "remote_unavailable",
    "admin_limit": "size_limit",
    "confidentiality": "remote_unavailable",
    "no_such_object": "base_missing",
    "invalid_credentials": "sign_in_needed",
    "no_right": "permission_missing",
    "busy": "remote_unavailable",
    "unavailable": "remote_unavailable",
    "unwilling": "remote_unavailable",
    "loop": "remote_unavailable",
    "other": "remote_unavailable",
}
TAKEN_FOR_SUCCESS = {"partial_results", "referral"}
"""Results that the library takes for a success; a second count has to notice."""


@dataclass(kw_only=True)
class Reading:
    """What came of one read, seen as the engine's proof sees it."""

    ids: list[str] = field(default_factory=list)
    unreadable: list[RecordError] = field(default_factory=list)
    last: bool = False
    error: DirsyncError | None = None

    @property
    def proven(self) -> bool:
        return self.error is None and self.last and len(set(self.ids)) == len(self.ids)


@dataclass(frozen=True, kw_only=True)
class Filled:
    server: Slapd
    ids: frozenset[str]


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    with running_slapd() as server:
        ids = frozenset(server.person(f"p{n:03d}") for n in range(PEOPLE))
        yield Filled(server=server, ids=ids)


@asynccontextmanager
async def opened(port: int, limits: HttpLimits):
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": TOKEN},
        limits=limits,
    )
    settings = LdapSettings(
        url=f"ldap://127.0.0.1:{port}",
        start_tls=False,
        base=SUFFIX,
        user=READER,
        password="env:DIRSYNC_CREDENTIAL_T",
        page_size=PAGE_SIZE,
    )
    provider = await open_provider(settings, context=context)
    yield provider
    await provider.aclose()


async def read(provider: IdentityProvider) -> Reading:
    reading = Reading()
    try:
        async with aclosing(provider.read_users()) as pages:
            async for page in pages:
                assert not reading.last, "a page followed the last one"
                reading.last = page.last
                for raw in page.records:
                    try:
                        reading.ids.append(provider.decode_user(raw).external_id)
                    except RecordError as error:
                        reading.unreadable.append(error)
                        reading.ids.append(provider.identify(raw) or "")
    except DirsyncError as error:
        reading.error = error
    return reading


WRONGS = {
    **{fault.value: Wrong(fault=fault) for fault in Fault},
    **{f"{name}, with entries": Wrong(code=code) for name, code in CODES.items()},
    **{f"{name}, alone": Wrong(code=code, entries=False) for name, code in CODES.items()},
}
CASES = [
    (name, page)
    for number, name in enumerate(WRONGS)
    for page in range(1, PAGES + 1)
    if FULL or page in {1, number % PAGES + 1}
]


@pytest.mark.parametrize(("name", "page"), CASES)
async def test_a_fault_on_a_page_never_makes_people_look_absent(filled, name, page):
    wrong = WRONGS[name]
    limits = HURRIED if wrong.fault in WAITED_FOR else USUAL

    async with LdapFaultProxy(filled.server.port, wrong=wrong, page=page) as proxy:
        async with opened(proxy.port, limits) as provider:
            reading = await read(provider)
        struck = proxy.struck

    assert struck, "the fault was never shown, so the test proves nothing"
    if reading.proven:
        assert set(reading.ids) == filled.ids
    if reading.error is not None:
        assert reading.error.message
        assert TOKEN not in str(reading.error)
    expect_outcome(name, wrong, page, reading)


def expect_outcome(name: str, wrong: Wrong, page: int, reading: Reading) -> None:
    """Each fault has its own right answer, so that "always fails" would not pass."""
    kind = name.partition(",")[0]
    if wrong.fault in ONE_RECORD:
        assert reading.proven
        assert [error.attribute for error in reading.unreadable] == ["userName"]
    elif wrong.fault in REPEATS:
        assert reading.proven is (wrong.fault is Fault.PAGE_REPEATED and page == 1)
    elif wrong.fault is Fault.CONTROL_LOST:
        assert reading.proven is (page == PAGES)
    elif kind in EXPECTED:
        assert reading.error is not None
        assert reading.error.code == EXPECTED[kind]
    elif kind in TAKEN_FOR_SUCCESS:
        assert reading.proven is (page == PAGES and wrong.entries)
    else:
        assert reading.error is not None
        assert reading.error.code in {"connection_lost", "timeout", "too_large"}


async def test_a_listing_of_full_pages_is_counted_twice_and_believed(filled):
    async with opened(filled.server.port, USUAL) as provider:
        reading = await read(provider)

    assert reading.proven
    assert set(reading.ids) == filled.ids
