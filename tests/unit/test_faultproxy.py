"""The fault proxy itself: it forwards faithfully, and spoils what it is told to, once it is met."""

import json

import httpx
import pytest

from tests.support.faultproxy import FaultProxy
from tests.support.faults import CHANGES, Fault
from tests.support.scripted_http import Asked, Says, scripted

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def listing(asked: Asked) -> Says:
    start = int(httpx.URL(asked.target).params.get("startIndex", "1"))
    people = [{"id": f"i{n}", "userName": f"ann{n}"} for n in range(start, start + 4)]
    page = {"schemas": [LIST], "totalResults": 12, "startIndex": start, "Resources": people}
    return Says(body=json.dumps(page).encode())


@pytest.fixture
async def upstream():
    async with scripted(script=listing) as server:
        yield server


@pytest.fixture
async def proxy(upstream):
    async with FaultProxy(upstream.url("/v2")) as running:
        yield running


async def get(proxy: FaultProxy, start: int, path: str = "/Users") -> httpx.Response:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        return await client.get(
            f"{proxy.url}{path}?startIndex={start}", headers={"Authorization": "Bearer t"}
        )


async def test_without_a_fault_everything_is_forwarded(proxy, upstream):
    answer = await get(proxy, 5)

    assert answer.json()["startIndex"] == 5
    assert upstream.asked[0].target == "/v2/Users?startIndex=5"
    assert upstream.asked[0].headers["authorization"] == "Bearer t"


async def test_a_fault_strikes_its_page_and_path_also_when_it_is_asked_for_again(proxy):
    injection = proxy.inject(Fault.STATUS_503, page=2, path="/Users")

    seen = [(await get(proxy, start)).status_code for start in (1, 5, 5, 9)]
    other = [(await get(proxy, start, "/Groups")).status_code for start in (1, 5)]

    assert seen == [200, 503, 503, 200]
    assert other == [200, 200]
    assert injection.struck == 2


async def test_a_fault_can_strike_so_many_times(proxy):
    proxy.inject(Fault.STATUS_500, page=1, times=1)

    assert [(await get(proxy, 1)).status_code for _ in range(2)] == [500, 200]


async def test_a_fault_can_strike_every_page(proxy):
    proxy.inject(Fault.EMPTY_PAGE, page=None)

    assert [(await get(proxy, start)).json()["Resources"] for start in (1, 5)] == [[], []]


@pytest.mark.parametrize(
    "fault", [Fault.RESET_BEFORE_HEADERS, Fault.RESET_MID_BODY, Fault.CUT_SHORT_OF_LENGTH]
)
async def test_broken_connections_are_broken_on_the_wire(proxy, fault):
    proxy.inject(fault)

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await get(proxy, 1)


async def test_connections_are_refused_until_it_listens_again(proxy):
    proxy.inject(Fault.CONNECTION_REFUSED)
    with pytest.raises(httpx.HTTPError):
        await get(proxy, 1)
    with pytest.raises(httpx.ConnectError):
        await get(proxy, 1)

    proxy.reset()
    await proxy.listen_again()
    assert (await get(proxy, 1)).status_code == 200


async def test_answers_are_taken_from_memory_where_one_is_given(upstream):
    memory = {}
    for _ in range(2):
        async with FaultProxy(upstream.url("/v2"), memory=memory) as proxy:
            assert (await get(proxy, 1)).status_code == 200

    assert len(upstream.asked) == 1


def test_every_fault_has_a_change():
    assert set(CHANGES) == set(Fault)


@pytest.mark.parametrize(
    "fault",
    [
        fault
        for fault in Fault
        if fault.startswith(("total", "record", "duplicate", "wrong", "no_", "cursor", "empty"))
        and fault is not Fault.CURSOR_LOST
    ],
)
async def test_a_change_of_the_answer_really_changes_it(proxy, fault):
    honest = await get(proxy, 5)
    proxy.reset()
    proxy.inject(fault)

    spoilt = await get(proxy, 5)

    assert (spoilt.content, spoilt.headers["content-type"]) != (
        honest.content,
        honest.headers["content-type"],
    )
