"""Requests to Microsoft Graph v1.0: collections, single objects, counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from core.errors import PermissionMissingError, RemoteError, SignInError, TerminalRemoteError
from core.http.client import HttpClient
from core.providers.entra.listing import Listing, not_graph, parse_listing
from core.providers.entra.rights import missing_right

T = TypeVar("T")

MAX_TOP: Final = 999
"""Objects a page at most ("List users", "List groups", "List group members")."""

AT_ONCE: Final = 4
_GONE: Final = frozenset({404})
_NOT_FOUND: Final = frozenset({"request_resourcenotfound", "resourcenotfound", "itemnotfound"})
_MAPPING_HINT: Final = (
    "Check the mapping: an attribute must be a property of users that Graph can list."
)
_ADVANCED: Final = {"ConsistencyLevel": "eventual"}


class _Fault(msgspec.Struct):
    code: str = ""


class _Refusal(msgspec.Struct):
    error: _Fault = msgspec.field(default_factory=_Fault)


class Graph:
    """One tenant's Graph, over the outbound client.

    Args:
        admin: how to name the admin center in hints.
        hold_back: takes the headers of an answer inside another, for what they ask to wait.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        admin: str,
        hold_back: Callable[[Mapping[str, str]], None] = lambda _: None,
    ) -> None:
        self.client = client
        self.admin = admin
        self.hold_back = hold_back

    async def page(
        self,
        target: str,
        params: Mapping[str, str] | None = None,
        *,
        right: str,
        patient: bool = True,
        advanced: bool = False,
    ) -> Listing:
        """Return one page of a collection: a path with parameters, or a link as it came.

        A 403 names the permission `right`. With `advanced`, as "Advanced query capabilities on
        Microsoft Entra ID objects" has it.
        """
        try:
            answer = await self.client.get_json(
                target, params=params, patient=patient, headers=_ADVANCED if advanced else {}
            )
        except PermissionMissingError as error:
            raise missing_right(error, right, admin=self.admin) from error
        except TerminalRemoteError as error:
            if error.code == "remote_refused" and params is not None:
                error.hint = _MAPPING_HINT
            raise
        return parse_listing(answer.body, host=self.client.host)

    async def single(
        self, collection: str, object_id: str, *, selection: str, right: str
    ) -> bytes | None:
        """Return one object's bytes, or None if Graph itself says that there is none.

        Somebody in the deleted items is not found, too. A proxy's own 404 says nothing.
        """
        target = f"{collection}/{quote(object_id, safe='')}"
        try:
            answer = await self.client.get_json(
                target, params={"$select": selection}, tolerate=_GONE
            )
        except PermissionMissingError as error:
            raise missing_right(error, right, admin=self.admin) from error
        if answer.status not in _GONE:
            return answer.body
        if error_code(answer.body) not in _NOT_FOUND:
            raise not_graph(self.client.host, "a missing object was not reported as Graph does it")
        return None

    async def count(self, *, right: str, patient: bool = True) -> int | None:
        """Return how many people there are, by Graph's index; None where it does not say.

        The index lags behind, and some kinds of tenants have none.
        """
        params = {"$select": "id", "$top": "1", "$count": "true"}
        try:
            listing = await self.page("users", params, right=right, patient=patient, advanced=True)
        except SignInError:
            raise
        except RemoteError:
            return None
        return listing.count


def error_code(body: bytes) -> str:
    """Return the code of a Graph error ("Microsoft Graph error responses") in lower case."""
    try:
        return msgspec.json.decode(body, type=_Refusal).error.code.lower()
    except (ValueError, RecursionError):
        return ""


async def several(jobs: Iterable[Callable[[], Awaitable[T]]]) -> Sequence[T]:
    """Return what all jobs return, a few at once; the first error stops the others."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(job: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await job()

    tasks = [asyncio.create_task(one(job)) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await dismiss(*tasks)


async def dismiss(*tasks: asyncio.Task[T]) -> None:
    """Stop requests that nobody waits for any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
