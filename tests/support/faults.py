"""The faults that a SCIM server, or anything in front of it, can show: as changes of bytes."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto
from functools import cache

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


class Fault(StrEnum):
    """What goes wrong with one answer."""

    STATUS_401 = auto()
    STATUS_403 = auto()
    STATUS_404 = auto()
    STATUS_429 = auto()
    STATUS_500 = auto()
    STATUS_503 = auto()
    CONNECTION_REFUSED = auto()
    RESET_BEFORE_HEADERS = auto()
    RESET_MID_BODY = auto()
    CUT_SHORT_OF_LENGTH = auto()
    CUT_WITH_RIGHT_LENGTH = auto()
    EMPTY_200 = auto()
    LOGIN_PAGE = auto()
    WRONG_CONTENT_TYPE = auto()
    INVALID_JSON = auto()
    DEEP_JSON = auto()
    NO_RESOURCES = auto()
    NO_TOTAL = auto()
    TOTAL_ONE_MORE = auto()
    TOTAL_ONE_LESS = auto()
    TOTAL_TEXT = auto()
    TOTAL_NEGATIVE = auto()
    REPEATED_PAGE = auto()
    REPEATED_PAGE_WITH_ECHO = auto()
    WRONG_ECHO = auto()
    EMPTY_PAGE = auto()
    DUPLICATE_ID = auto()
    RECORD_DROPPED = auto()
    RECORD_GARBLED = auto()
    RECORD_SURROGATE = auto()
    RECORD_NUL = auto()
    RECORD_DEEP = auto()
    RECORD_HUGE_NUMBER = auto()
    RECORD_LONG_TEXT = auto()
    SLOW_DRIP = auto()
    GZIP_BOMB = auto()
    GZIP_CUT = auto()
    CURSOR_LOST = auto()
    CURSOR_CIRCULAR = auto()
    CURSOR_ENDLESS = auto()
    REDIRECT_ELSEWHERE = auto()
    REDIRECT_IN_CIRCLES = auto()
    SCIM_ERROR_WITH_200 = auto()


class Wire(StrEnum):
    """How the bytes are delivered."""

    WHOLE = auto()
    RESET_FIRST = auto()
    RESET_HALFWAY = auto()
    END_HALFWAY = auto()
    DRIP = auto()
    REFUSE = auto()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer as the proxy holds it; `length` overrides the Content-Length."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    wire: Wire = Wire.WHOLE

    def with_json(self, document: object) -> "Reply":
        return replace(self, body=json.dumps(document).encode())


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a fault may look back at: the listing's first answer, and how often it struck."""

    first: Reply
    target: str
    strikes: int


Change = Callable[[Reply, Circumstances], Reply]


def _status(status: int, **headers: str) -> Change:
    def change(reply: Reply, _: Circumstances) -> Reply:
        body = {"schemas": [ERROR], "status": str(status), "detail": f"injected {status}"}
        kept = {"content-type": "application/scim+json", **headers}
        return Reply(status=status, headers=kept).with_json(body)

    return change


def _wire(way: Wire) -> Change:
    return lambda reply, _: replace(reply, wire=way)


def _body(make: Callable[[bytes], bytes]) -> Change:
    return lambda reply, _: replace(reply, body=make(reply.body))


def _listing(edit: Callable[[dict, Circumstances], None]) -> Change:
    def change(reply: Reply, seen: Circumstances) -> Reply:
        document = json.loads(reply.body)
        edit(document, seen)
        return reply.with_json(document)

    return change


def _set(key: str, value: object) -> Change:
    return _listing(lambda document, _: document.__setitem__(key, value))


def _drop(key: str) -> Change:
    return _listing(lambda document, _: document.pop(key, None))


def _add_to_total(more: int) -> Change:
    return _listing(
        lambda document, _: document.__setitem__(
            "totalResults", document.get("totalResults", 0) + more
        )
    )


def _repeat_with_echo(document: dict, seen: Circumstances) -> None:
    document["Resources"] = json.loads(seen.first.body)["Resources"]


def _duplicate(document: dict, _: Circumstances) -> None:
    document["Resources"][-1] = document["Resources"][0]


def _drop_record(document: dict, _: Circumstances) -> None:
    del document["Resources"][len(document["Resources"]) // 2]
    document["itemsPerPage"] = len(document["Resources"])


def _record(bad: bytes) -> Change:
    """Put raw JSON as an attribute's value into the page's first record."""

    def change(reply: Reply, _: Circumstances) -> Reply:
        head, marker, rest = reply.body.partition(b'"userName": "')
        value, quote, tail = rest.partition(b'"')
        if not marker or not quote:
            return reply
        broken = b'"userName": ' + bad.replace(b"VALUE", value)
        return replace(reply, body=head + broken + tail)

    return change


@cache
def _bomb_bytes() -> bytes:
    return gzip.compress(b'{"schemas": ["' + b" " * 64 * 1024 * 1024, compresslevel=6)


def _bomb(reply: Reply, _: Circumstances) -> Reply:
    headers = {**reply.headers, "content-encoding": "gzip"}
    return replace(reply, body=_bomb_bytes(), headers=headers)


def _gzip_cut(reply: Reply, _: Circumstances) -> Reply:
    body = gzip.compress(reply.body)
    return replace(
        reply, body=body[: len(body) // 2], headers={**reply.headers, "content-encoding": "gzip"}
    )


def _login_page(reply: Reply, _: Circumstances) -> Reply:
    page = b"<!DOCTYPE html><html><body><form>Sign in</form></body></html>"
    return replace(reply, body=page, headers={"content-type": "text/html; charset=utf-8"})


def _redirect(where: str) -> Change:
    def change(reply: Reply, seen: Circumstances) -> Reply:
        return Reply(status=302, headers={"location": where or seen.target})

    return change


def _endless(document: dict, seen: Circumstances) -> None:
    document["nextCursor"] = f"endless-{seen.strikes}"


def _scim_error(reply: Reply, _: Circumstances) -> Reply:
    return reply.with_json({"schemas": [ERROR], "status": "503", "detail": "injected"})


CHANGES: dict[Fault, Change] = {
    Fault.STATUS_401: _status(401),
    Fault.STATUS_403: _status(403),
    Fault.STATUS_404: _status(404),
    Fault.STATUS_429: _status(429, **{"retry-after": "0"}),
    Fault.STATUS_500: _status(500),
    Fault.STATUS_503: _status(503),
    Fault.CONNECTION_REFUSED: _wire(Wire.REFUSE),
    Fault.RESET_BEFORE_HEADERS: _wire(Wire.RESET_FIRST),
    Fault.RESET_MID_BODY: _wire(Wire.RESET_HALFWAY),
    Fault.CUT_SHORT_OF_LENGTH: _wire(Wire.END_HALFWAY),
    Fault.CUT_WITH_RIGHT_LENGTH: _body(lambda body: body[: len(body) // 2]),
    Fault.EMPTY_200: _body(lambda _: b""),
    Fault.LOGIN_PAGE: _login_page,
    Fault.WRONG_CONTENT_TYPE: lambda reply, _: replace(
        reply, headers={"content-type": "application/octet-stream"}
    ),
    Fault.INVALID_JSON: _body(lambda body: b"{nonsense" + body[9:]),
    Fault.DEEP_JSON: _body(lambda _: b'{"deep": ' + b"[" * 200_000),
    Fault.NO_RESOURCES: _drop("Resources"),
    Fault.NO_TOTAL: _drop("totalResults"),
    Fault.TOTAL_ONE_MORE: _add_to_total(1),
    Fault.TOTAL_ONE_LESS: _add_to_total(-1),
    Fault.TOTAL_TEXT: _set("totalResults", "many"),
    Fault.TOTAL_NEGATIVE: _set("totalResults", -1),
    Fault.REPEATED_PAGE: lambda _, seen: seen.first,
    Fault.REPEATED_PAGE_WITH_ECHO: _listing(_repeat_with_echo),
    Fault.WRONG_ECHO: _set("startIndex", 7),
    Fault.EMPTY_PAGE: _set("Resources", []),
    Fault.DUPLICATE_ID: _listing(_duplicate),
    Fault.RECORD_DROPPED: _listing(_drop_record),
    Fault.RECORD_GARBLED: _record(b"@VALUE"),
    Fault.RECORD_SURROGATE: _record(rb'"VALUE\ud800"'),
    Fault.RECORD_NUL: _record(rb'"VALUE\u0000"'),
    Fault.RECORD_DEEP: _record(b"[" * 5000 + b"]" * 5000),
    Fault.RECORD_HUGE_NUMBER: _record(b"9" * 70),
    Fault.RECORD_LONG_TEXT: _record(b'"VALUE' + b"x" * 1024 * 1024 + b'"'),
    Fault.SLOW_DRIP: _wire(Wire.DRIP),
    Fault.GZIP_BOMB: _bomb,
    Fault.GZIP_CUT: _gzip_cut,
    Fault.CURSOR_LOST: _drop("nextCursor"),
    Fault.CURSOR_CIRCULAR: _set("nextCursor", "circular"),
    Fault.CURSOR_ENDLESS: _listing(_endless),
    Fault.REDIRECT_ELSEWHERE: _redirect("http://elsewhere.example/sign-in"),
    Fault.REDIRECT_IN_CIRCLES: _redirect(""),
    Fault.SCIM_ERROR_WITH_200: _scim_error,
}
