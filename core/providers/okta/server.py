"""Requests to an Okta org: listings, single records, the org itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from core.errors import PermissionMissingError, RemoteError, SignInError, TerminalRemoteError
from core.http.client import Answer, HttpClient
from core.http.pacing import server_time
from core.ports import Clock
from core.providers.okta.listing import Listing, not_okta, parse_listing
from core.providers.okta.signing import USERS, OktaSignIn

_METADATA: Final = "/.well-known/okta-organization"
_ABSENT: Final = frozenset({404})
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = "E0000007"


class _Error(msgspec.Struct):
    errorCode: str = ""  # noqa: N815 - the name on the wire


class _Link(msgspec.Struct):
    href: str = ""


class _OrgLinks(msgspec.Struct):
    organization: _Link = msgspec.field(default_factory=_Link)


class Org(msgspec.Struct):
    """What an org says of itself to anybody."""

    id: str
    links: _OrgLinks = msgspec.field(default_factory=_OrgLinks, name="_links")


def rate_kind(path: str) -> str:
    """Return which requests Okta counts together with this one, as far as a client can tell."""
    parts = path.strip("/").split("/")
    return "/".join(parts[:3]) + ("/*" if len(parts) > len(("api", "v1", "users")) else "")


class OktaServer:
    """One org's endpoints.

    Args:
        client: signs in.
        anonymous: does not, for what everybody may ask.
        sign_in: how the client does, for the hints when that does not suffice.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        anonymous: HttpClient,
        sign_in: OktaSignIn,
        clock: Clock,
    ) -> None:
        self.client = client
        self._anonymous = anonymous
        self.sign_in = sign_in
        self._clock = clock
        self._projects = True

    async def page(
        self, path: str, params: Mapping[str, str] | None = None, *, patient: bool = True
    ) -> Listing:
        """Return the first page of a listing."""
        answer = await self._get(path, params, patient=patient)
        return parse_listing(answer, path=path, host=self.client.host)

    async def people(
        self, params: Mapping[str, str], *, fields: str, patient: bool = True
    ) -> Listing:
        """Return the first page of people with these fields only.

        An org that refuses the selection (or a property in it) with a 400 is asked without from
        then on.
        """
        if self._projects:
            try:
                return await self.page(USERS, {**params, "fields": fields}, patient=patient)
            except RemoteError as error:
                if error.status != _BAD_REQUEST:
                    raise
        listing = await self.page(USERS, params, patient=patient)
        self._projects = False
        return listing

    async def follow(self, path: str, link: str) -> Listing:
        """Return the next page of a listing; the link is followed within the org only."""
        answer = await self._get(link, None, patient=True)
        return parse_listing(answer, path=path, host=self.client.host)

    async def single(self, path: str, record_id: str) -> bytes | None:
        """Return one record's bytes, or None if the org says that there is none."""
        answer = await self._get(
            f"{path}/{quote(record_id, safe='')}", None, patient=True, tolerate=_ABSENT
        )
        if answer.status not in _ABSENT:
            return answer.body
        if _error_code(answer) != _NOT_FOUND:
            raise not_okta(self.client.host, "a missing record was not reported as Okta does it")
        return None

    async def org(self, *, patient: bool = True) -> Org:
        """Return the org's id and address, which need no right."""
        answer = await self._anonymous.get_json(_METADATA, patient=patient)
        try:
            return msgspec.json.decode(answer.body, type=Org)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise not_okta(self.client.host, "it does not say which org it is") from error

    async def time(self) -> float:
        """Return the org's time in seconds, so that the clock of this machine does not matter."""
        answer = await self._anonymous.get_json(_METADATA)
        said = server_time(answer.headers)
        return self._clock.now().timestamp() if said is None else said

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self.sign_in.aclose()
        await self.client.aclose()
        await self._anonymous.aclose()

    async def _get(
        self,
        target: str,
        params: Mapping[str, str] | None,
        *,
        patient: bool,
        tolerate: frozenset[int] = frozenset(),
    ) -> Answer:
        try:
            return await self.client.get_json(
                target, params=params, patient=patient, tolerate=tolerate
            )
        except (PermissionMissingError, SignInError) as error:
            hint = self.sign_in.hint(error, urlsplit(target).path)
            raise type(error)(error.message, hint=hint, status=error.status) from error


def _error_code(answer: Answer) -> str:
    try:
        return msgspec.json.decode(answer.body, type=_Error).errorCode
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""


def decoded_single(raw: bytes, host: str) -> tuple[str, str]:
    """Return a single record's id and status."""
    try:
        record = msgspec.json.decode(raw, type=_Single)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise TerminalRemoteError(
            f"{host}'s answer about one record cannot be read.", code="not_okta"
        ) from error
    return record.id, record.status


class _Single(msgspec.Struct):
    id: str = ""
    status: str = ""
