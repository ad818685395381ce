"""One connection that asks Active Directory for changes, in a process of its own.

The library that everything else is read with sends no control of one's own; this one does, and
does nothing else. What comes back is reduced to ids here: no attribute leaves the process. Run as
``python -m core.providers.ldap.ad_worker``.
"""

from __future__ import annotations

import base64
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from core.providers.ldap.ad_wire import (
    NO_CONTROL,
    Changed,
    Sweep,
    SweepAnswer,
    SweepRequest,
    Swept,
)
from core.providers.ldap.wire import (
    NOT_INSTALLED,
    UNEXPECTED,
    Bind,
    Bound,
    Failed,
    IdKind,
    converse,
    tell,
)
from core.providers.ldap.worker import MEMORY, id_text

if TYPE_CHECKING:
    from types import ModuleType

OID: Final = "1.2.840.113556.1.4.841"
_SIZE_LIMIT: Final = 4
_TIMED_OUT: Final = -5


class Connection:
    """What the requests are carried out on."""

    def __init__(self, library: ModuleType, control: ModuleType) -> None:
        self._library = library
        self._control = control
        self._link: Any = None

    def answer(self, request: SweepRequest) -> SweepAnswer:
        """Carry out one request; what the server refuses is an answer, too."""
        try:
            match request:
                case Bind():
                    return self._bind(request)
                case Sweep():
                    return self._sweep(request)
        except self._library.LDAPError as error:
            return _failed(error)
        except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            return Failed(code=UNEXPECTED, text=type(error).__name__)

    def _bind(self, request: Bind) -> SweepAnswer:
        ldap = self._library
        link = ldap.initialize(request.url)
        for option, value in _options(ldap, request):
            link.set_option(option, value)
        if request.start_tls:
            link.start_tls_s()
        if request.mechanism == "SIMPLE":
            link.simple_bind_s(request.user or "", request.password or "")
        else:
            link.sasl_interactive_bind_s("", _sasl(ldap.sasl, request))
        self._link = link
        return Bound()

    def _sweep(self, request: Sweep) -> SweepAnswer:
        ldap, control = self._library, self._control
        value = control.request_value(base64.b64decode(request.cookie))
        number = self._link.search_ext(
            request.base,
            ldap.SCOPE_SUBTREE,
            request.filter,
            request.attributes,
            serverctrls=[
                ldap.controls.RequestControl(OID, criticality=True, encodedControlValue=value)
            ],
        )
        return self._answers(number, request)

    def _answers(self, number: int, request: Sweep) -> SweepAnswer:
        """Take one message after the other, so that a large answer is never held as a whole."""
        ldap, until = self._library, time.monotonic() + request.timeout
        kept = {OID: _kept(ldap.controls.ResponseControl)}
        changed: list[Changed] = []
        while (left := until - time.monotonic()) > 0:
            kind, data, _, controls, _, _ = self._link.result4(
                number, all=0, timeout=left, resp_ctrl_classes=kept
            )
            changed += [_change(values) for dn, values in data or () if dn is not None]
            if len(changed) > request.at_most:
                self._link.abandon_ext(number)
                return Failed(code=_SIZE_LIMIT, text="more changes than are taken at once")
            if kind == ldap.RES_SEARCH_RESULT:
                return self._ended(controls, changed)
        self._link.abandon_ext(number)
        return Failed(code=_TIMED_OUT, text="")

    def _ended(self, controls: Sequence[Any], changed: list[Changed]) -> SweepAnswer:
        found = next((one for one in controls if one.controlType == OID), None)
        if found is None:
            return Failed(code=NO_CONTROL, text="")
        said = self._control.read_answer(found.encoded)
        cookie = base64.b64encode(said.cookie).decode()
        return Swept(changed=changed, cookie=cookie, more=said.more)


def _options(ldap: ModuleType, request: Bind) -> list[tuple[int, object]]:
    """Return what holds for a connection; the last one makes those about TLS count."""
    files = (
        (ldap.OPT_X_TLS_CACERTFILE, request.ca_file),
        (ldap.OPT_X_TLS_CACERTDIR, request.ca_folder),
        (ldap.OPT_X_TLS_CERTFILE, request.certificate),
        (ldap.OPT_X_TLS_KEYFILE, request.key),
    )
    return [
        (ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3),
        (ldap.OPT_REFERRALS, ldap.OPT_OFF),
        (ldap.OPT_NETWORK_TIMEOUT, request.timeout),
        (ldap.OPT_TIMEOUT, request.timeout),
        (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
        *((option, name) for option, name in files if name),
        (ldap.OPT_X_TLS_NEWCTX, 0),
    ]


def _sasl(sasl: ModuleType, request: Bind) -> object:
    if request.mechanism == "EXTERNAL":
        return sasl.external()
    said = {
        sasl.CB_AUTHNAME: request.user or "",
        sasl.CB_PASS: request.password or "",
        sasl.CB_GETREALM: request.realm or "",
    }
    return sasl.sasl(said, request.mechanism)


def _kept(base: type[Any]) -> type[Any]:
    """Return the class of a control in an answer, which keeps its value as it came."""

    def keep(self: Any, encoded: bytes) -> None:
        self.encoded = encoded

    return type("Kept", (base,), {"controlType": OID, "decodeControlValue": keep})


def _change(values: Mapping[str, Sequence[bytes]]) -> Changed:
    held = {name.partition(";")[0].lower(): some for name, some in values.items()}
    ids = held.get("objectguid", ())
    return Changed(
        id=id_text(ids[0], IdKind.GUID) if ids else "",
        deleted=b"TRUE" in held.get("isdeleted", ()),
        renamed="name" in held,
        new="objectclass" in held,
    )


def _failed(error: Exception) -> Failed:
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    code, text = said.get("result", UNEXPECTED), said.get("info") or said.get("desc") or ""
    return Failed(code=int(code), text=str(text))


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    try:
        import ldap  # noqa: PLC0415 - an extra: without it there is an answer, not a crash
        import ldap.controls  # noqa: PLC0415 - likewise
        import ldap.sasl  # noqa: PLC0415 - likewise

        from core.providers.ldap import ad_control  # noqa: PLC0415 - likewise
    except ImportError as error:
        tell(answers, Failed(code=NOT_INSTALLED, text=str(error)))
        return
    connection = Connection(ldap, ad_control)
    decode: Callable[[bytes], SweepRequest] = msgspec.json.Decoder(SweepRequest).decode
    converse(requests, answers, lambda body: connection.answer(decode(body)))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    serve(sys.stdin.buffer, sys.stdout.buffer)
