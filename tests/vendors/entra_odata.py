"""What Graph's requests have in common: parameters, filters, pages, errors."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from tests.vendors.entra_directory import SINGLE_ONLY, Properties

MOST_BATCHED = MOST_CHECKED = 20
DEFAULT_PAGE, MOST, MOST_EXPANDED, DELTA_PAGE, MOST_IN = 100, 999, 100, 200, 15
_EXPAND = re.compile(r"manager(?:\(\$select=(?P<names>[\w,]+)\))?")
_TERM = re.compile(r"(?P<name>\w+) eq '(?P<value>(?:[^']|'')*)'")
_IN = re.compile(r"id in \((?P<ids>'[^']*'(?:,'[^']*')*)\)")
_FILTERED = {"id", "userPrincipalName", "mail"}


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request to Graph."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    origin: str

    def take(self, *allowed: str) -> Mapping[str, str]:
        """Return the query; refuse every other parameter."""
        for name in self.query:
            if name not in allowed:
                raise bad(f"The query parameter '{name}' is not supported.")
        return self.query

    def link(self, **query: str) -> str:
        text = urlencode({name.replace("_", "$"): one for name, one in query.items()}, safe="$,()'")
        return f"{self.origin}{quote(self.path)}?{text}"


def bad(message: str, code: str = "Request_BadRequest") -> RefusedError:
    return RefusedError(400, code, message)


def denied() -> RefusedError:
    message = "Insufficient privileges to complete the operation."
    return RefusedError(403, "Authorization_RequestDenied", message)


def not_found(one: str) -> RefusedError:
    said = f"Resource '{one}' does not exist or one of its queried references are not present."
    return RefusedError(404, "Request_ResourceNotFound", said)


def in_filter(wanted: str) -> list[str]:
    """Return the ids of ``id in (...)``; at most 15."""
    found = _IN.fullmatch(wanted)
    if found is None:
        raise bad("Unsupported or invalid query filter clause.", "Request_UnsupportedQuery")
    ids = [one.strip("'") for one in found["ids"].split(",")]
    if len(ids) > MOST_IN:
        raise bad("Too many child clauses specified in search filter expression.")
    return ids


def selected(query: Mapping[str, str], known: frozenset[str], kind: str) -> list[str]:
    names = query.get("$select", "id,displayName").split(",")
    for name in names:
        if name in SINGLE_ONLY - known:
            raise RefusedError(501, "NotImplemented", "This operation is not yet supported.")
        if name not in known and not name.startswith("extension_"):
            said = f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
            raise bad(f"Parsing OData Select and Expand failed: {said}", "BadRequest")
    return names


def expanded(query: Mapping[str, str]) -> list[str] | None:
    if "$expand" not in query:
        return None
    found = _EXPAND.fullmatch(query["$expand"])
    if found is None:
        raise bad("Parsing OData Select and Expand failed.", "BadRequest")
    return (found["names"] or "id").split(",")


def counted(asked: Asked) -> bool:
    if "$count" not in asked.query:
        return False
    if asked.headers.get("consistencylevel") != "eventual":
        raise bad("$count is not currently supported.", "Request_UnsupportedQuery")
    return True


def matching(users: Mapping[str, Properties], wanted: str | None) -> list[str]:
    if wanted is None:
        return list(users)
    if _IN.fullmatch(wanted):
        return [one for one in in_filter(wanted) if one in users]
    terms = list(_TERM.finditer(wanted))
    whole = " or ".join(term.group() for term in terms) == wanted
    if not whole or any(term["name"] not in _FILTERED for term in terms):
        raise bad("Unsupported or invalid query filter clause.", "Request_UnsupportedQuery")
    pairs = {(term["name"], term["value"].replace("''", "'").lower()) for term in terms}
    return [
        one
        for one, properties in users.items()
        if any(str(properties.get(name)).lower() == value for name, value in pairs)
    ]


@dataclass(kw_only=True)
class States:
    """What the opaque tokens of links stand for."""

    known: dict[str, tuple] = field(default_factory=dict)

    def page(
        self, asked: Asked, ids: list[str], record: Callable[[str], Properties], *, most: int
    ) -> dict[str, object]:
        query = dict(asked.query)
        top = query.get("$top", str(DEFAULT_PAGE))
        if not top.isdigit() or not 1 <= int(top) <= MOST:
            raise bad("Invalid page size specified: must be between 1 and 999 inclusive.")
        size, start = min(int(top), most), 0
        token = query.pop("$skiptoken", None)
        if token is not None:
            state = self.known.get(token)
            if state is None:
                raise bad(
                    "The specified page token value has expired.", "Directory_ExpiredPageToken"
                )
            start, meant, ids = state
            if meant != query:
                raise bad("A link is used as it came.")
        value = [record(one) for one in ids[start : start + size]]
        answer: dict[str, object] = {"@odata.context": "$metadata#collection"}
        if start + size < len(ids):
            rest = self.remember((start + size, query, ids))
            pairs = {name.replace("$", "_"): one for name, one in query.items()}
            answer["@odata.nextLink"] = asked.link(**pairs, _skiptoken=rest)
        return {**answer, "value": value}

    def remember(self, state: tuple) -> str:
        token = hashlib.sha256(repr((len(self.known), state[:2])).encode()).hexdigest()[:40]
        self.known[token] = state
        return token
