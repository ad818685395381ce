"""Requests to the Directory API: listings and single records, each with the token of its scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import msgspec

from core.errors import PermissionMissingError, TerminalRemoteError
from core.http.client import Answer, Authorizer, HttpClient, HttpOptions
from core.http.pacing import HeldBack
from core.providers.context import ProviderContext
from core.providers.google.listing import Listing, not_google, parse_listing
from core.providers.google.signing import GROUPS, PEOPLE, UNITS, GoogleSignIn, hinted

ROOT: Final = "https://admin.googleapis.com"
API: Final = "/admin/directory/v1/"
BATCH: Final = "/batch"
"""The ``batchPath`` of the discovery document."""
_ABSENT: Final = frozenset({404})
_QUOTA: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
_MORE_ATTEMPTS: Final = 3
_LONGER_WAIT: Final = 3


class _Reason(msgspec.Struct):
    reason: str = ""


class _Fault(msgspec.Struct):
    errors: list[_Reason] = []


class _Refusal(msgspec.Struct):
    error: _Fault = msgspec.field(default_factory=_Fault)


def reasons(body: bytes) -> frozenset[str]:
    """Return the reasons that an error of the API gives."""
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return frozenset()
    return frozenset(one.reason for one in refusal.error.errors)


def throttled(status: int, body: bytes) -> bool:
    """Say whether a refusal is about too many requests ("Directory API: Limits and Quotas")."""
    return status == 403 and not _QUOTA.isdisjoint(reasons(body))  # noqa: PLR2004 - their 403


class GoogleServer:
    """The API's endpoints for one customer.

    Args:
        clients: by scope.
        grants: how they sign in, by scope.
        sign_in: makes the grants; for the hints when that does not suffice.
    """

    def __init__(
        self,
        clients: Mapping[str, HttpClient],
        *,
        grants: Mapping[str, Authorizer],
        sign_in: GoogleSignIn,
    ) -> None:
        self._clients = clients
        self._grants = grants
        self.sign_in = sign_in

    @classmethod
    async def open(
        cls, root: str, *, sign_in: GoogleSignIn, context: ProviderContext
    ) -> GoogleServer:
        """Return the server below this root; nothing is connected yet."""
        pace = HeldBack(clock=context.clock)
        grants = {scope: await sign_in.grant(scope) for scope in (PEOPLE, GROUPS, UNITS)}
        clients = {
            scope: await HttpClient.open(
                root,
                options=_options(context),
                authorizer=grant,
                redactor=sign_in.redactor,
                accept="application/json",
                pace=pace,
                throttled=throttled,
                called="Google",
            )
            for scope, grant in grants.items()
        }
        return cls(clients, grants=grants, sign_in=sign_in)

    @property
    def host(self) -> str:
        """The host that is asked."""
        return self._clients[PEOPLE].host

    @property
    def requests(self) -> int:
        """How many requests went out, those for tokens not counted."""
        return sum(client.requests for client in self._clients.values())

    async def page(
        self, scope: str, path: str, params: Mapping[str, str], *, key: str, patient: bool = True
    ) -> Listing:
        """Return a page of the listing at `path`, whose records stand under `key`."""
        answer = await self._get(scope, path, params, patient=patient)
        return parse_listing(answer, key=key, host=self.host)

    async def single(
        self, scope: str, path: str, params: Mapping[str, str], *, patient: bool = True
    ) -> bytes | None:
        """Return one record's bytes, or None if Google says that there is none."""
        answer = await self._get(scope, path, params, tolerate=_ABSENT, patient=patient)
        if answer.status not in _ABSENT:
            return answer.body
        if "notFound" not in reasons(answer.body):
            raise not_google(self.host, "a missing record was not reported as Google does it")
        return None

    async def batch(self, scope: str, content: bytes, *, boundary: str) -> Answer:
        """Return the answer to several requests in one, which may be any kind of document."""
        kind = f"multipart/mixed; boundary={boundary}"
        try:
            return await self._clients[scope].post(
                BATCH, content, kind=kind, accept="multipart/mixed"
            )
        except PermissionMissingError as error:
            raise hinted(error, right=self.sign_in.right(scope)) from error

    async def units(self, customer: str, *, patient: bool = True) -> Sequence[OrgUnit]:
        """Return all organizational units, the topmost one included; one request."""
        path = f"customer/{segment(customer)}/orgunits"
        params = {
            "type": "allIncludingParent",
            "fields": "kind,organizationUnits(orgUnitId,orgUnitPath)",
        }
        key = "organizationUnits"
        listing = await self.page(UNITS, path, params, key=key, patient=patient)
        try:
            return [msgspec.json.decode(raw, type=OrgUnit) for raw in listing.records]
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise not_google(self.host, "an organizational unit cannot be read") from error

    async def sign_in_for(self, scope: str) -> None:
        """Sign in for a scope; raises what is wrong with that."""
        await self._grants[scope].header()

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        for client in self._clients.values():
            await client.aclose()

    async def _get(
        self,
        scope: str,
        path: str,
        params: Mapping[str, str],
        *,
        patient: bool = True,
        tolerate: frozenset[int] = frozenset(),
    ) -> Answer:
        asked = {**params, "prettyPrint": "false"}
        try:
            return await self._clients[scope].get_json(
                API + path, params=asked, patient=patient, tolerate=tolerate
            )
        except PermissionMissingError as error:
            raise hinted(error, right=self.sign_in.right(scope)) from error


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def _options(context: ProviderContext) -> HttpOptions:
    """Return the options of every client: backing off for longer, and compressed answers.

    Google compresses for whom it knows to understand that, by the word in their name ("Performance
    Tips"), and its quota is one of a minute.
    """
    limits = context.limits
    patient = replace(
        limits,
        attempts=limits.attempts + _MORE_ATTEMPTS,
        retry_wait_max=limits.retry_wait_max * _LONGER_WAIT,
    )
    return replace(context.http, limits=patient, user_agent=f"{context.user_agent} (gzip)")


class OrgUnit(msgspec.Struct):
    """An organizational unit: its id and the names of the way to it."""

    orgUnitId: str  # noqa: N815 - the name on the wire
    orgUnitPath: str  # noqa: N815 - the name on the wire


class Single(msgspec.Struct):
    """One person or group, as far as being there is concerned."""

    id: str = ""
    suspended: bool = False
    archived: bool = False
    deletionTime: str = ""  # noqa: N815 - the name on the wire
    customerId: str = ""  # noqa: N815 - the name on the wire


def decoded_single(raw: bytes, host: str) -> Single:
    """Return what a single record says of itself."""
    try:
        return msgspec.json.decode(raw, type=Single)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise TerminalRemoteError(
            f"{host}'s answer about one record cannot be read.", code="not_google"
        ) from error
