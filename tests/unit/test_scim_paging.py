"""Walking a listing: complete against honest servers, never "complete" against others."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RemoteError, TerminalRemoteError, TransientRemoteError
from core.http.redaction import Redactor
from core.model.directory import Page
from core.providers.scim.groups import MAX_PROBES, MemberEvidence
from core.providers.scim.listing import Listing, parse_listing
from core.providers.scim.paging import walk_by_cursor, walk_by_index

LIST = b'"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]'


class Server:
    """An honest listing of numbered records, with a cap on its pages."""

    def __init__(self, size: int, *, cap: int = 1000, announces: bool = True) -> None:
        self.records = [str(n).encode() for n in range(size)]
        self.cap = cap
        self.announces = announces
        self.asked: list[Mapping[str, str]] = []

    async def by_index(self, paging: Mapping[str, str]) -> Listing:
        self.asked.append(paging)
        start = int(paging["startIndex"])
        return self._listing(start - 1, int(paging["count"]), start=start)

    async def by_cursor(self, paging: Mapping[str, str]) -> Listing:
        self.asked.append(paging)
        return self._listing(int(paging["cursor"] or "0"), int(paging["count"]), start=None)

    def _listing(self, begin: int, count: int, *, start: int | None) -> Listing:
        end = begin + min(count, self.cap)
        more = end < len(self.records)
        return Listing(
            records=self.records[begin:end],
            total=len(self.records) if self.announces else None,
            start_index=start,
            next_cursor=str(end) if start is None and more else None,
        )


def walked(walk: Callable, fetch: Callable, count: int) -> list[Page]:
    async def run() -> list[Page]:
        return [page async for page in walk(fetch, count=count)]

    return asyncio.run(run())


@given(size=st.integers(0, 60), count=st.integers(1, 25), cap=st.integers(1, 25))
def test_index_paging_reads_everybody_with_as_many_requests_as_pages(size, count, cap):
    server = Server(size, cap=cap)

    pages = walked(walk_by_index, server.by_index, count)

    assert [one for page in pages for one in page.records] == server.records
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert len(server.asked) == len(pages) == max(1, -(-size // min(count, cap)))


@given(
    size=st.integers(0, 60),
    count=st.integers(1, 25),
    cap=st.integers(1, 25),
    announces=st.booleans(),
)
def test_cursor_paging_reads_everybody_with_as_many_requests_as_pages(size, count, cap, announces):
    server = Server(size, cap=cap, announces=announces)

    pages = walked(walk_by_cursor, server.by_cursor, count)

    assert [one for page in pages for one in page.records] == server.records
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert len(server.asked) == len(pages)


@given(
    answers=st.lists(
        st.builds(
            Listing,
            records=st.none() | st.lists(st.binary(max_size=2), max_size=4),
            total=st.none() | st.integers(0, 12),
            start_index=st.none() | st.integers(-1, 9),
            next_cursor=st.none() | st.sampled_from(["", "a", "b", "c"]),
        ),
        min_size=1,
        max_size=8,
    ),
    walk=st.sampled_from([walk_by_index, walk_by_cursor]),
)
def test_whatever_a_server_says_the_walk_ends_and_last_means_the_announced_total(answers, walk):
    told = iter([*answers, *[answers[-1]] * 100])

    async def fetch(_: Mapping[str, str]) -> Listing:
        return next(told)

    pages = walked(walk, fetch, 4)

    assert all(not page.last for page in pages[:-1])
    if pages[-1].last and pages[-1].total is not None:
        assert {page.total for page in pages} == {sum(len(page.records) for page in pages)}


def test_an_endless_cursor_ends_without_a_last_page():
    count = iter(range(10_000))

    async def fetch(_: Mapping[str, str]) -> Listing:
        n = next(count)
        return Listing(records=[b"%d" % n], total=50, start_index=None, next_cursor=f"more-{n}")

    pages = walked(walk_by_cursor, fetch, 1)

    assert len(pages) == 51
    assert not any(page.last for page in pages)


def told(*listings: Listing) -> Callable:
    answers = iter(listings)

    async def fetch(_: Mapping[str, str]) -> Listing:
        return next(answers)

    return fetch


def page_of(*records: bytes, total: int | None, start: int | None = None, then: str | None = None):
    return Listing(records=records, total=total, start_index=start, next_cursor=then)


@pytest.mark.parametrize(
    "listings",
    [
        [page_of(b"a", b"b", b"c", total=2)],
        [page_of(b"a", b"b", total=5), page_of(b"c", b"d", total=4)],
        [page_of(b"a", b"b", total=4, start=1), page_of(b"c", b"d", total=4, start=1)],
        [page_of(b"a", b"b", total=4), page_of(b"a", b"b", total=4)],
        [page_of(b"a", b"b", total=99), page_of(b"a", b"b", total=99)],
        [page_of(b"a", b"b", total=4), page_of(total=4)],
    ],
    ids=[
        "more than announced",
        "total changes",
        "wrong echo",
        "repeat",
        "endless repeat",
        "early end",
    ],
)
def test_a_contradiction_on_the_way_leaves_an_index_listing_unproven(listings):
    pages = walked(walk_by_index, told(*listings), 2)

    assert len(pages) == len(listings)
    assert not any(page.last for page in pages)


@pytest.mark.parametrize(
    "listings",
    [
        [page_of(b"a", total=None, then="x"), page_of(b"b", total=None, then="x")],
        [page_of(b"a", total=None, then="x"), page_of(b"a", total=None)],
        [page_of(b"a", total=3, then="x"), page_of(b"b", total=2)],
        [page_of(b"a", total=2)],
        [page_of(b"a", total=None, then="")],
        [page_of(total=None, then=name) for name in "xyz"],
    ],
    ids=["circular", "repeated page", "total changes", "cut short", "empty cursor", "empty pages"],
)
def test_a_contradiction_on_the_way_leaves_a_cursor_listing_unproven(listings):
    pages = walked(walk_by_cursor, told(*listings), 1)

    assert len(pages) == len(listings)
    assert not any(page.last for page in pages)


async def test_the_next_page_is_requested_while_this_one_is_worked_on():
    server = Server(30)
    pages = walk_by_index(server.by_index, count=10)

    await anext(pages)
    await asyncio.sleep(0)

    assert [asked["startIndex"] for asked in server.asked] == ["1", "11"]
    await pages.aclose()


async def test_a_failing_page_leaves_the_pages_before_it_valid():
    server = Server(30)

    async def fetch(paging: Mapping[str, str]) -> Listing:
        if paging["startIndex"] == "11":
            raise TransientRemoteError("gone")
        return await server.by_index(paging)

    pages = walk_by_index(fetch, count=10)
    assert not (await anext(pages)).last
    with pytest.raises(TransientRemoteError):
        await anext(pages)


async def test_stopping_halfway_cancels_the_request_ahead():
    waiting = asyncio.Event()
    server = Server(30)

    async def fetch(paging: Mapping[str, str]) -> Listing:
        if paging["startIndex"] != "1":
            await waiting.wait()
        return await server.by_index(paging)

    pages = walk_by_index(fetch, count=10)
    await anext(pages)
    await asyncio.sleep(0)
    before = len(asyncio.all_tasks())
    await pages.aclose()

    assert len(asyncio.all_tasks()) == before - 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "not_scim"),
        (b'{"schemas": "x"}', "not_scim"),
        (b"[]", "not_scim"),
        (b"{" + LIST + b', "totalResults": "5"}', "not_scim"),
        (b"{" + LIST + b', "totalResults": 1.5}', "not_scim"),
        (b"{" + LIST + b', "totalResults": -1}', "not_scim"),
        (b"{" + LIST + b', "Resources": {}}', "not_scim"),
        (b"{" + LIST + b', "nextCursor": "' + b"x" * 9000 + b'"}', "not_scim"),
        (b"{" + LIST, "not_json"),
        (b"", "not_json"),
        (b'{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"]}', "remote_unavailable"),
        (
            b'{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "401"}',
            "sign_in_needed",
        ),
    ],
)
def test_what_is_no_list_is_refused(body, code):
    with pytest.raises(RemoteError) as raised:
        parse_listing(body, host="idp.example", redactor=Redactor())

    assert raised.value.code == code


def test_one_unreadable_record_does_not_spoil_the_page():
    body = b"{" + LIST + rb', "totalResults": 2, "Resources": [{"id": "\ud800"}, {"id": "b"}]}'

    listing = parse_listing(body, host="idp.example", redactor=Redactor())

    assert listing.records == [rb'{"id": "\ud800"}', b'{"id": "b"}']
    assert listing.total == 2


@given(st.binary(max_size=80))
def test_any_bytes_are_a_list_or_an_error(body):
    with pytest.raises(TerminalRemoteError):
        parse_listing(body, host="idp.example", redactor=Redactor())


def group(name: str, *, members: bool) -> bytes:
    shown = ', "members": [{"value": "u"}]' if members else ""
    return f'{{"id": "{name}"{shown}}}'.encode()


async def probe_nothing(_: bytes) -> bytes | None:
    raise AssertionError("no single read is needed")


async def test_a_group_without_members_is_empty_where_others_show_theirs():
    evidence = MemberEvidence(probe_nothing)

    settled = await evidence.settle([group("a", members=True), group("b", members=False)])

    assert settled == (group("a", members=True), b'{"id": "b","members":[]}')


async def test_a_listing_that_hides_members_says_nothing_about_any_group():
    answers = iter([group("a", members=True)])

    async def probe(_: bytes) -> bytes | None:
        return next(answers)

    evidence = MemberEvidence(probe)
    for bare in ([group("a", members=False), group("b", members=False)], [b'{"id": "c"}']):
        assert await evidence.settle(bare) == tuple(bare)


async def test_single_reads_are_bounded_and_prove_only_the_group_they_read():
    probed = []

    async def probe(record: bytes) -> bytes | None:
        probed.append(record)
        return record

    bare = [group(str(n), members=False) for n in range(MAX_PROBES + 5)]
    settled = await MemberEvidence(probe).settle(bare)

    assert len(probed) == MAX_PROBES
    assert [b'"members":[]' in one for one in settled] == [True] * MAX_PROBES + [False] * 5
