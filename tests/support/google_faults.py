"""The faults that the Directory API, or anything in front of it, can show: as changes of bytes."""

import json
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
    of_the_page,
)


def _error(status: int, reason: str) -> Change:
    fault = {"code": status, "message": f"Injected {status}.", "errors": [{"reason": reason}]}
    return error(status, {"error": fault})


def _records(edit: Callable[[list], list]) -> Change:
    def change(page: dict) -> None:
        key = next(name for name, value in page.items() if isinstance(value, list))
        page[key] = edit(page[key])

    return of_the_page(change)


def _first_record(edit: Callable[[dict], object]) -> Change:
    return _records(of_the_first(edit))


def _without_list(page: dict) -> None:
    for key in [name for name, value in page.items() if isinstance(value, list)]:
        del page[key]


def _circular(reply: Reply, seen: Circumstances) -> Reply:
    token = json.loads(seen.first.body)["nextPageToken"]
    return reply.with_json({**json.loads(reply.body), "nextPageToken": token})


ANYWHERE: Mapping[str, Change] = {
    "status_400": _error(400, "badRequest"),
    "status_401": _error(401, "authError"),
    "status_403": _error(403, "forbidden"),
    "status_404": _error(404, "notFound"),
    "status_429": _error(429, "rateLimitExceeded"),
    "status_500": _error(500, "backendError"),
    "status_503": _error(503, "backendError"),
    "user_rate_limit": _error(403, "userRateLimitExceeded"),
    "rate_limit": _error(403, "rateLimitExceeded"),
    "quota": _error(403, "quotaExceeded"),
    **OF_BYTES,
    "error_with_200": body('{"error": {"code": 503, "message": "injected"}}'),
    "null": body("null"),
    "empty_object": body("{}"),
    "bare_list": body("[]"),
    "list_of_numbers": _records(lambda _: [1, 2, 3]),
    "garbage_behind": lambda reply, _: replace(reply, body=reply.body + b"]]"),
    "kind_of_others": of_the_page(lambda page: page.update(kind="admin#directory#domains")),
    "kind_missing": of_the_page(lambda page: page.pop("kind")),
    "list_is_object": of_the_page(lambda page: page.update(users={}, groups={}, members={})),
    "id_missing": _first_record(lambda record: record.pop("id")),
    "id_number": _first_record(lambda record: record.update(id=7)),
    "list_left_out": of_the_page(_without_list),
    "record_dropped": _records(lambda records: records[1:]),
    "token_unknown": of_the_page(lambda page: page.update(nextPageToken="unknown")),
    "token_number": of_the_page(lambda page: page.update(nextPageToken=7)),
    "token_too_long": of_the_page(lambda page: page.update(nextPageToken="x" * 9000)),
}
"""Faults of any page, of people, groups or members."""

OF_PEOPLE: Mapping[str, Change] = {
    **ANYWHERE,
    "duplicate_id": _records(lambda records: [*records, records[0]]),
    **of_a_name("primaryEmail"),
    "suspended_missing": _first_record(lambda record: record.pop("suspended")),
    "suspended_text": _first_record(lambda record: record.update(suspended="no")),
    "address_missing": _first_record(lambda record: record.pop("primaryEmail")),
}
"""Faults of a page of people, the first or the last of them as well."""

OF_MIDDLE_PAGES: Mapping[str, Change] = {
    "token_lost": of_the_page(lambda page: page.pop("nextPageToken")),
    "token_circular": _circular,
    "repeated_page": lambda _, seen: seen.first,
}
"""Faults that change something only between the first and the last page."""

A_PERSONS_OWN = frozenset(
    {
        *NAME_FAULTS,
        "suspended_missing",
        "suspended_text",
        "address_missing",
    }
)
"""Faults that cost one person and nobody else."""
