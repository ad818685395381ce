"""Each page of a SCIM listing by each fault: nobody is ever lost behind a proven end."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from core.errors import DirsyncError, RecordError
from core.http.limits import HttpLimits
from core.model.configuration import ScimSettings
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.support.clocks import WallClock
from tests.support.faultproxy import FaultProxy
from tests.support.faults import Fault, Reply
from tests.support.figures import FULL
from tests.support.scim_backend import TOKEN, ScimBackend, running_scim

PEOPLE, PAGE_SIZE = 60, 20
PAGES = PEOPLE // PAGE_SIZE
LIMITS = HttpLimits(
    connect=10,
    read=10,
    total=10,
    max_body=2**20 * 2,
    attempts=2,
    retry_wait=0.001,
    retry_wait_max=0.01,
)
HURRIED = HttpLimits(total=0.5, attempts=1)
ONE_RECORD = {
    Fault.RECORD_GARBLED,
    Fault.RECORD_SURROGATE,
    Fault.RECORD_NUL,
    Fault.RECORD_DEEP,
    Fault.RECORD_HUGE_NUMBER,
    Fault.RECORD_LONG_TEXT,
}
CODES = {
    Fault.STATUS_401: "sign_in_needed",
    Fault.STATUS_403: "permission_missing",
    Fault.STATUS_404: "not_found",
    Fault.STATUS_429: "rate_limited",
    Fault.STATUS_500: "remote_unavailable",
    Fault.STATUS_503: "remote_unavailable",
    Fault.RESET_BEFORE_HEADERS: "connection_lost",
    Fault.RESET_MID_BODY: "connection_lost",
    Fault.CUT_SHORT_OF_LENGTH: "connection_lost",
    Fault.CUT_WITH_RIGHT_LENGTH: "not_json",
    Fault.EMPTY_200: "empty_answer",
    Fault.LOGIN_PAGE: "html_login_page",
    Fault.WRONG_CONTENT_TYPE: "not_json",
    Fault.INVALID_JSON: "not_json",
    Fault.DEEP_JSON: "not_json",
    Fault.NO_RESOURCES: "not_scim",
    Fault.TOTAL_TEXT: "not_scim",
    Fault.TOTAL_NEGATIVE: "not_scim",
    Fault.SLOW_DRIP: "timeout",
    Fault.GZIP_BOMB: "too_large",
    Fault.GZIP_CUT: "connection_lost",
    Fault.REDIRECT_ELSEWHERE: "redirected_elsewhere",
    Fault.REDIRECT_IN_CIRCLES: "redirected_elsewhere",
    Fault.SCIM_ERROR_WITH_200: "remote_unavailable",
}
HARMLESS = {Fault.REPEATED_PAGE: 1, Fault.REPEATED_PAGE_WITH_ECHO: 1, Fault.CURSOR_LOST: PAGES}
"""The page on which a fault changes nothing: the first page repeats itself as itself, …"""


@dataclass(kw_only=True)
class Reading:
    """What came of one read, seen as the engine's proof sees it."""

    ids: list[str] = field(default_factory=list)
    unreadable: list[RecordError] = field(default_factory=list)
    totals: set[int | None] = field(default_factory=set)
    last: bool = False
    error: DirsyncError | None = None

    @property
    def proven(self) -> bool:
        announced = self.totals == {None} or self.totals == {len(set(self.ids))}
        return self.error is None and self.last and announced


async def read(provider: IdentityProvider) -> Reading:
    reading = Reading()
    try:
        async with aclosing(provider.read_users()) as pages:
            async for page in pages:
                assert not reading.last, "a page followed the last one"
                reading.last = page.last
                reading.totals.add(page.total)
                for raw in page.records:
                    try:
                        reading.ids.append(provider.decode_user(raw).external_id)
                    except RecordError as error:
                        reading.unreadable.append(error)
                        reading.ids.append(provider.identify(raw) or "")
    except DirsyncError as error:
        reading.error = error
    return reading


@dataclass(frozen=True, kw_only=True)
class Directory:
    backend: ScimBackend
    ids: frozenset[str]
    memory: dict[bytes, Reply] = field(default_factory=dict)


@pytest.fixture(scope="module", params=["index", "cursor"])
def directory(request: pytest.FixtureRequest) -> Iterator[Directory]:
    with running_scim(cursor=request.param == "cursor") as backend:
        yield Directory(backend=backend, ids=frozenset(backend.add_people(PEOPLE)))


@pytest.fixture
async def proxy(directory: Directory):
    async with FaultProxy(directory.backend.url, memory=directory.memory) as running:
        yield running


@asynccontextmanager
async def opened(proxy: FaultProxy, limits: HttpLimits) -> AsyncIterator[IdentityProvider]:
    context = ProviderContext(
        clock=WallClock(),
        allow_networks=(ip_network("127.0.0.0/8"),),
        environ={"DIRSYNC_CREDENTIAL_T": TOKEN},
        limits=limits,
    )
    settings = ScimSettings(url=proxy.url, token="env:DIRSYNC_CREDENTIAL_T", page_size=PAGE_SIZE)
    provider = await open_provider(settings, context=context)
    yield provider
    await provider.aclose()


CASES = [
    (fault, page)
    for number, fault in enumerate(Fault)
    for page in range(1, PAGES + 1)
    if FULL or page == number % PAGES + 1
]


@pytest.mark.parametrize(("fault", "page"), CASES)
async def test_a_fault_on_a_page_never_makes_people_look_absent(directory, proxy, fault, page):
    injection = proxy.inject(fault, page=page)

    async with opened(proxy, HURRIED if fault is Fault.SLOW_DRIP else LIMITS) as provider:
        reading = await read(provider)

    assert injection.struck, "the fault was never shown, so the test proves nothing"
    if reading.proven:
        assert set(reading.ids) == directory.ids
    if reading.error is not None:
        assert reading.error.message
        assert TOKEN not in str(reading.error)
    expect_outcome(fault, page, reading)


def expect_outcome(fault: Fault, page: int, reading: Reading) -> None:
    """Each fault has its own right answer, so that "always fails" would not pass."""
    if fault in ONE_RECORD:
        assert reading.proven
        assert len(reading.unreadable) == 1
        assert reading.unreadable[0].attribute in {"userName", ""}
    elif fault in CODES:
        assert reading.error is not None
        assert reading.error.code == CODES[fault]
    elif HARMLESS.get(fault) == page:
        assert reading.proven
