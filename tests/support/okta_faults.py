"""The faults that an Okta org, or anything in front of it, can show: as changes of bytes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.support.faults import Change, Circumstances, Reply
from tests.support.page_faults import (
    NAME_FAULTS,
    OF_BYTES,
    body,
    error,
    of_a_name,
    of_the_first,
)

_NEXT = re.compile(r'<([^<>]*)>; rel="next"')


def _error(status: int, code: str) -> Change:
    return error(status, {"errorCode": code, "errorSummary": f"injected {status}."})


def _records(edit: Callable[[list], list]) -> Change:
    return lambda reply, _: reply.with_json(edit(json.loads(reply.body)))


def _first_record(edit: Callable[[dict], object]) -> Change:
    return _records(of_the_first(edit))


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
    **OF_BYTES,
    "error_with_200": body('{"errorCode": "E0000009", "errorSummary": "injected"}'),
    "null": body("null"),
    "list_of_lists": body("[[], []]"),
    "list_of_numbers": body("[1, 2, 3]"),
    "garbage_behind": lambda reply, _: replace(reply, body=reply.body + b"]]"),
    "id_missing": _first_record(lambda record: record.pop("id")),
    "id_number": _first_record(lambda record: record.update(id=7)),
    "empty_page": body("[]"),
    "record_dropped": _records(lambda records: records[1:]),
    "next_elsewhere": _next("http://elsewhere.example/api/v1/users?after=x"),
    "next_of_apps": _next("http://127.0.0.1:1/api/v1/apps?after=x"),
    "next_is_no_url": _next("http://["),
}
"""Faults of any page, of people, groups or members."""

OF_PEOPLE: Mapping[str, Change] = {
    **ANYWHERE,
    "duplicate_id": _records(lambda records: [*records, records[0]]),
    **of_a_name("login"),
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
        *NAME_FAULTS,
        "record_without_profile",
        "status_unknown",
    }
)
"""Faults that cost one person and nobody else."""
