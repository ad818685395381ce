"""The faults that an Okta org, or anything in front of it, can show: as changes of bytes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.support.faults import CHANGES, Change, Circumstances, Fault, Reply

_NEXT = re.compile(r'<([^<>]*)>; rel="next"')


def _error(status: int, code: str, **headers: str) -> Change:
    body = json.dumps({"errorCode": code, "errorSummary": f"injected {status}."}).encode()
    kept = {"content-type": "application/json", **headers}
    return lambda reply, _: Reply(status=status, headers=kept, body=body)


def _body(text: str) -> Change:
    return lambda reply, _: replace(reply, body=text.encode())


def _records(edit: Callable[[list], list]) -> Change:
    return lambda reply, _: reply.with_json(edit(json.loads(reply.body)))


def _first_record(edit: Callable[[dict], object]) -> Change:
    def change(records: list) -> list:
        edit(records[0])
        return records

    return _records(change)


def _login(bad: bytes) -> Change:
    """Put raw JSON in the place of the first login."""

    def change(reply: Reply, _: Circumstances) -> Reply:
        return replace(
            reply,
            body=re.sub(
                rb'"login": "([^"]*)"',
                lambda match: b'"login": ' + bad.replace(b"VALUE", match.group(1)),
                reply.body,
                count=1,
            ),
        )

    return change


def _links(edit: Callable[[str], str]) -> Change:
    def change(reply: Reply, _: Circumstances) -> Reply:
        return replace(reply, headers={**reply.headers, "link": edit(reply.headers["link"])})

    return change


def _next(where: str) -> Change:
    return _links(lambda header: _NEXT.sub("", header).rstrip(", ") + f', <{where}>; rel="next"')


def _without_links(reply: Reply, _: Circumstances) -> Reply:
    return replace(reply, headers={"content-type": "application/json"})


def _circular(reply: Reply, seen: Circumstances) -> Reply:
    return replace(reply, headers=seen.first.headers)


ANYWHERE: Mapping[str, Change] = {
    "status_401": _error(401, "E0000011"),
    "status_403": _error(403, "E0000006"),
    "status_404": _error(404, "E0000007"),
    "status_429": _error(429, "E0000047"),
    "status_500": _error(500, "E0000009"),
    "status_503": _error(503, "E0000010"),
    **{
        fault.value: CHANGES[fault]
        for fault in (
            Fault.CONNECTION_REFUSED,
            Fault.RESET_BEFORE_HEADERS,
            Fault.RESET_MID_BODY,
            Fault.CUT_SHORT_OF_LENGTH,
            Fault.CUT_WITH_RIGHT_LENGTH,
            Fault.EMPTY_200,
            Fault.LOGIN_PAGE,
            Fault.WRONG_CONTENT_TYPE,
            Fault.INVALID_JSON,
            Fault.DEEP_JSON,
            Fault.SLOW_DRIP,
            Fault.GZIP_BOMB,
            Fault.GZIP_CUT,
            Fault.REDIRECT_ELSEWHERE,
            Fault.REDIRECT_IN_CIRCLES,
        )
    },
    "error_with_200": _body('{"errorCode": "E0000009", "errorSummary": "injected"}'),
    "null": _body("null"),
    "list_of_lists": _body("[[], []]"),
    "list_of_numbers": _body("[1, 2, 3]"),
    "garbage_behind": lambda reply, _: replace(reply, body=reply.body + b"]]"),
    "id_missing": _first_record(lambda record: record.pop("id")),
    "id_number": _first_record(lambda record: record.update(id=7)),
    "empty_page": _body("[]"),
    "record_dropped": _records(lambda records: records[1:]),
    "next_elsewhere": _next("http://elsewhere.example/api/v1/users?after=x"),
    "next_of_apps": _next("http://127.0.0.1:1/api/v1/apps?after=x"),
    "next_is_no_url": _next("http://["),
}
"""Faults of any page, of people, groups or members."""

OF_PEOPLE: Mapping[str, Change] = {
    **ANYWHERE,
    "duplicate_id": _records(lambda records: [*records, records[0]]),
    "record_garbled": _login(b"@VALUE"),
    "record_surrogate": _login(rb'"VALUE\ud800"'),
    "record_nul": _login(rb'"VALUE\u0000"'),
    "record_deep": _login(b"[" * 5000 + b"]" * 5000),
    "record_huge_number": _login(b"9" * 70),
    "record_long_text": _login(b'"VALUE' + b"x" * 2**20 + b'"'),
    "record_without_profile": _first_record(lambda record: record.update(profile=None)),
    "status_unknown": _first_record(lambda record: record.update(status="ARCHIVED")),
}
"""Faults of a page of people, the first or the last of them as well."""

OF_MIDDLE_PAGES: Mapping[str, Change] = {
    "links_lost": _without_links,
    "next_lost": _links(lambda header: _NEXT.sub("", header).rstrip(", ")),
    "next_circular": _circular,
    "repeated_page": lambda _, seen: seen.first,
}
"""Faults that change something only between the first and the last page."""

A_PERSONS_OWN = frozenset(
    {
        "record_garbled",
        "record_surrogate",
        "record_nul",
        "record_deep",
        "record_huge_number",
        "record_long_text",
        "record_without_profile",
        "status_unknown",
    }
)
"""Faults that cost one person and nobody else."""
