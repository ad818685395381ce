"""The faults that Graph, or anything in front of it, can show: as changes of bytes."""

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
    of_the_page,
)

NEXT = "@odata.nextLink"


def _error(status: int, code: str) -> Change:
    fault = {"code": code, "message": f"injected {status}.", "innerError": {"request-id": "0"}}
    return error(status, {"error": fault})


def _first(edit: Callable[[dict], object]) -> Change:
    return of_the_page(lambda page: edit(page["value"][0]))


def _circular(reply: Reply, seen: Circumstances) -> Reply:
    page = json.loads(reply.body)
    page[NEXT] = json.loads(seen.first.body)[NEXT]
    return reply.with_json(page)


def _inside(change: Change) -> Change:
    """Spoil the first answer inside a batch, if it is a change of a page's content."""

    def within(reply: Reply, seen: Circumstances) -> Reply:
        batch = json.loads(reply.body)
        inner = Reply(
            status=200,
            headers=reply.headers,
            body=json.dumps(batch["responses"][0]["body"]).encode(),
        )
        spoilt = change(inner, replace(seen, first=inner))
        batch["responses"][0] |= {"status": spoilt.status, "body": json.loads(spoilt.body)}
        return reply.with_json(batch)

    return within


ANYWHERE: Mapping[str, Change] = {
    "status_401": _error(401, "InvalidAuthenticationToken"),
    "status_403": _error(403, "Authorization_RequestDenied"),
    "status_404": _error(404, "itemNotFound"),
    "status_410": _error(410, "resyncRequired"),
    "status_429": _error(429, "TooManyRequests"),
    "status_500": _error(500, "InternalServerError"),
    "status_503": _error(503, "serviceNotAvailable"),
    "status_504": _error(504, "UnknownError"),
    "expired_page": _error(400, "Directory_ExpiredPageToken"),
    **OF_BYTES,
    "error_with_200": body('{"error": {"code": "UnknownError", "message": "injected"}}'),
    "null": body("null"),
    "no_object": body("[]"),
    "value_missing": of_the_page(lambda page: page.pop("value")),
    "value_null": of_the_page(lambda page: page.update(value=None)),
    "value_text": of_the_page(lambda page: page.update(value="all")),
    "value_of_numbers": of_the_page(lambda page: page.update(value=[1, 2, 3])),
    "id_missing": _first(lambda record: record.pop("id")),
    "id_number": _first(lambda record: record.update(id=7)),
    "empty_page": of_the_page(lambda page: page.update(value=[])),
    "record_dropped": of_the_page(lambda page: page["value"].pop(0)),
    "next_elsewhere": of_the_page(
        lambda page: page.update({NEXT: "http://elsewhere.example/v1.0/users"})
    ),
    "next_of_another_port": of_the_page(
        lambda page: page.update({NEXT: "http://127.0.0.1:1/v1.0/users"})
    ),
    "next_is_no_url": of_the_page(lambda page: page.update({NEXT: "http://["})),
    "next_number": of_the_page(lambda page: page.update({NEXT: 7})),
    "next_and_delta_link": of_the_page(
        lambda page: page.update({NEXT: "a", "@odata.deltaLink": "b"})
    ),
}
"""Faults of any page, of people, groups or members."""

OF_PEOPLE: Mapping[str, Change] = {
    **ANYWHERE,
    "duplicate_id": of_the_page(lambda page: page["value"].append(page["value"][0])),
    **of_a_name("userPrincipalName"),
    "enabled_missing": _first(lambda record: record.update(accountEnabled=None)),
    "enabled_text": _first(lambda record: record.update(accountEnabled="maybe")),
}
"""Faults of a page of people, the first or the last of them as well."""

OF_MIDDLE_PAGES: Mapping[str, Change] = {
    "next_lost": of_the_page(lambda page: page.pop(NEXT)),
    "next_circular": _circular,
    "repeated_page": lambda _, seen: seen.first,
}
"""Faults that change something only between the first and the last page."""

A_PERSONS_OWN = frozenset(
    {
        *NAME_FAULTS,
        "enabled_missing",
        "enabled_text",
    }
)
"""Faults that cost one person and nobody else."""

_CONTENT = tuple(
    name for name in ANYWHERE if name.startswith(("status_", "value_", "id_", "next_"))
)
_UNSEEN = frozenset({"empty_page", "record_dropped"})
OF_MEMBERS: Mapping[str, Change] = {
    **{name: change for name, change in ANYWHERE.items() if name not in {*_CONTENT, *_UNSEEN}},
    **{f"inner_{name}": _inside(ANYWHERE[name]) for name in (*_CONTENT, "null", "error_with_200")},
    **{f"batch_{name}": ANYWHERE[name] for name in _CONTENT if name.startswith("status_")},
    "batch_of_nothing": body('{"responses": []}'),
    "batch_without_answers": body("{}"),
    "batch_answers_twice": of_the_page(lambda page: page["responses"].append(page["responses"][0])),
    "batch_of_another": of_the_page(lambda page: page["responses"][0].update(id="99")),
}
"""Faults of the answer to a batch of first pages of members, from outside and from inside."""
