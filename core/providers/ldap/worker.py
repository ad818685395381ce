"""One bound LDAP connection in a process of its own, told what to do through two pipes.

libldap blocks, and the binding holds the interpreter's lock while it connects and signs in: a
silent server would stop everything else. Here it stops nobody, can be ended at any moment, and the
entries are decoded beside the event loop. Run as ``python -m core.providers.ldap.worker``.
"""

from __future__ import annotations

import base64
import gc
import resource
import sys
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from core.providers.ldap.wire import (
    NOT_INSTALLED,
    UNEXPECTED,
    Answer,
    Binary,
    Bind,
    Bound,
    Entry,
    Failed,
    Found,
    IdKind,
    More,
    Request,
    Search,
    converse,
    tell,
)

if TYPE_CHECKING:
    from types import ModuleType

_GUID_BYTES = 16
_SUBTREE, _BASE = 2, 0
MEMORY = 2**30
"""Bytes: more than any page needs, less than a hostile server may make this machine lose."""


class _PlainEntry(dict[str, list[bytes | str]]):
    """Stands in for the library's entry, which refuses a whole page for one unusual DN."""

    def __init__(self, dn: str, _: object) -> None:
        super().__init__()
        self.dn = dn


class _PlainReference:
    """Stands in for the library's reference, which refuses a page for one unusual URL."""

    def __init__(self, _: object, references: list[str]) -> None:
        self.references = references


def load_library() -> ModuleType:
    """Return the LDAP library, made tolerant of what directories hold, and as quick as lists are.

    Its list of values is one that notes what is changed in it, which takes three objects more.
    """
    import bonsai  # noqa: PLC0415 - an extra: who does not install it gets an answer, not a crash
    import bonsai.ldapentry  # noqa: PLC0415 - likewise
    import bonsai.ldapreference  # noqa: PLC0415 - likewise
    import bonsai.ldapvaluelist  # noqa: PLC0415 - likewise

    bonsai.ldapentry.LDAPEntry = _PlainEntry
    bonsai.ldapreference.LDAPReference = _PlainReference
    bonsai.ldapvaluelist.LDAPValueList.__init__ = list.__init__
    library: ModuleType = bonsai
    return library


class Connection:
    """What the requests are carried out on."""

    def __init__(self, library: ModuleType) -> None:
        self._library = library
        self._client: Any = None
        self._connection: Any = None
        self._search: Search | None = None
        self._ahead: int | None = None

    def answer(self, request: Request) -> Answer:
        """Carry out one request; what the server refuses is an answer, too."""
        try:
            match request:
                case Bind():
                    return self._bind(request)
                case Search():
                    return self._begin(request)
                case More():
                    return self._more()
        except self._library.LDAPError as error:
            return Failed(code=error.code, text=str(error.args[0]) if error.args else "")
        except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            return Failed(code=UNEXPECTED, text=type(error).__name__)

    def _bind(self, request: Bind) -> Answer:
        client = self._library.LDAPClient(request.url, request.start_tls)
        client.set_credentials(
            request.mechanism, user=request.user, password=request.password, realm=request.realm
        )
        client.set_cert_policy("demand")
        client.set_ca_cert(request.ca_file or "")
        client.set_ca_cert_dir(request.ca_folder or "")
        client.set_client_cert(request.certificate or "")
        client.set_client_key(request.key or "")
        client.set_auto_page_acquire(val=False)
        client.set_server_chase_referrals(val=False)
        client.set_ignore_referrals(val=False)
        self._client = client
        self._connection = client.connect(timeout=request.timeout)
        return Bound()

    def _begin(self, request: Search) -> Answer:
        self._search, self._ahead = request, None
        wanted = {name.lower(): name for name in (*request.attributes, request.id_attribute)}
        wanted.pop("", None)
        self._client.set_raw_attributes(list(wanted.values()))
        found = self._connection.paged_search(
            request.base,
            _SUBTREE if request.subtree else _BASE,
            request.filter,
            list(wanted.values()),
            timeout=request.timeout,
            sizelimit=request.size_limit,
            page_size=request.page_size,
        )
        return self._page(found, request)

    def _more(self) -> Answer:
        search, ahead = self._search, self._ahead
        if search is None or ahead is None:
            return Failed(code=UNEXPECTED, text="no further page")
        return self._page(self._connection.get_result(ahead, search.timeout), search)

    def _page(self, found: Any, search: Search) -> Answer:
        """Ask for the next page at once, and make this one an answer meanwhile."""
        items = list(found)
        self._ahead = found.acquire_next_page()
        references: list[str] = []
        records: list[msgspec.Raw] = []
        render = _Renderer(search)
        for item in items:
            if isinstance(item, _PlainReference):
                references += map(str, item.references)
            else:
                records.append(msgspec.Raw(render.record(item)))
        return Found(records=records, references=references, last=self._ahead is None)


class _Renderer:
    """Makes the raw records of one search."""

    def __init__(self, search: Search) -> None:
        self._id = search.id_attribute.lower()
        self._kind = search.id_kind
        self._shows_id = self._id in map(str.lower, search.attributes)
        self._encode = msgspec.json.Encoder(order="sorted").encode

    def record(self, entry: _PlainEntry) -> bytes:
        """Return an entry as JSON, its id apart."""
        values = {name.lower(): held for name, held in entry.items()}
        held = values.get(self._id) if self._shows_id else values.pop(self._id, None)
        texts = {name: [_value(one) for one in some] for name, some in values.items()}
        return self._encode(Entry(id=self._id_text(held), dn=entry.dn, values=texts))

    def _id_text(self, held: list[bytes | str] | None) -> str:
        if not held:
            return ""
        first = held[0]
        return id_text(first.encode() if isinstance(first, str) else first, self._kind)


def _value(value: bytes | str) -> str | Binary:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Binary(base64=base64.b64encode(value).decode())


def id_text(raw: bytes, kind: IdKind) -> str:
    """Return an id as text; nothing if it is not of its kind."""
    if kind is IdKind.GUID:
        return str(uuid.UUID(bytes_le=raw)) if len(raw) == _GUID_BYTES else ""
    if kind is IdKind.HEX:
        return raw.hex()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return ""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    try:
        connection = Connection(load_library())
    except ImportError as error:
        tell(answers, Failed(code=NOT_INSTALLED, text=str(error)))
        return
    decode: Callable[[bytes], Request] = msgspec.json.Decoder(Request).decode
    converse(requests, answers, lambda body: connection.answer(decode(body)))


def be_a_worker() -> None:
    """Serve on the pipes, in a process that has nothing else to do.

    Entries come by the hundred thousand and none is a part of a circle: looking for circles among
    them would take as long as reading them.
    """
    gc.disable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    be_a_worker()
