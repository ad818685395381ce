"""What Active Directory tells of its changes by the DirSync control: asked, and to the end.

It is asked with LDAP_DIRSYNC_OBJECT_SECURITY, for what the account may see anyway (MS-ADTS
§3.1.1.3.4.1.3): without that it takes "Replicating Directory Changes", a right with which older
Samba servers give away passwords (CVE-2023-4154). Of what the account may not see Windows still
tells that it was deleted (MS-DRSR §4.1.10.5.6); Samba does so to whoever may read the container of
deleted objects. The control searches a whole naming context, and its cookie is that of a domain
controller, not of a filter.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from core.errors import ConfigurationError, WatermarkExpiredError
from core.http.redaction import Redactor
from core.providers.ldap.ad_link import SweepLink
from core.providers.ldap.ad_wire import NO_CONTROL, Changed, Sweep, Swept
from core.providers.ldap.ad_worker import OID
from core.providers.ldap.dialect import LIGHTWEIGHT, texts
from core.providers.ldap.directory import ANYTHING, Directory
from core.providers.ldap.faults import NO_LIBRARY, NO_RIGHT, SIZE_LIMIT, from_result
from core.providers.ldap.names import is_below, normal_dn
from core.providers.ldap.wire import Failed

MOST_CHANGES: Final = 50_000
_MOST_ANSWERS: Final = 10_000
_ALWAYS: Final = ("isDeleted", "name", "objectClass")
_OF_GROUPS: Final = ("member", "groupType")
_ELSEWHERE: Final = frozenset({"nsaccountlock", "logindisabled", "pwdaccountlockedtime"})
_NAMED: Final = re.compile(r"\(\s*([A-Za-z][A-Za-z0-9-]*)\s*(?::[^=()]*:)?[~<>]?=")
_CONTAINERS: Final = "(!(|(objectClass=user)(objectClass=group)(objectClass=contact)))"
_ONLY_THE_ROOT: Final = "(objectClass=domainDNS)"
_REFUSED: Final = frozenset({1, 2, 12, NO_RIGHT, 53, NO_CONTROL})
_BAD_COOKIE: Final = frozenset({2, 12})
"""Windows calls one a protocolError (MS-DRSR §5.115.11), Samba an unavailableCriticalExtension."""


class Obstacle(StrEnum):
    """Why changes are not asked for by the control."""

    NOT_INSTALLED = "not_installed"
    NOT_OFFERED = "not_offered"
    OTHER_ID = "other_id"
    OTHER_CONTEXT = "other_context"
    REFUSED = "refused"


class Refused(Exception):  # noqa: N818 - not an error: there is another way to learn of changes
    """The server does not answer the control; `said` is its own word, or empty."""

    def __init__(self, obstacle: Obstacle, said: str = "") -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle
        self.said = said


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What was told since a cookie.

    Attributes:
        changed: of each object the last word, by id.
        since: the cookie that was asked with.
        cookie: where the next time begins.
    """

    changed: dict[str, Changed]
    since: str
    cookie: str


class Sweeper:
    """Asks one domain controller. All raise as listings do, and `Refused`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def beginning(self) -> Told:
        """Return where changes begin that are still to come."""
        return await self._told(_ONLY_THE_ROOT, ["objectClass"])

    async def since(self, cookie: str, attributes: Sequence[str]) -> Told:
        """Return who changed in one of these attributes, came, moved or was deleted.

        Raises `WatermarkExpiredError` if the cookie is not accepted, or for too many changes.
        """
        return await self._told(ANYTHING, attributes, cookie)

    async def containers(self, cookie: str) -> Told:
        """Return what changed its name or place since then and may hold people; likewise."""
        return await self._told(_CONTAINERS, ["name", "objectClass"], cookie)

    async def shows_deleted(self) -> bool:
        """Say whether it is told that anybody was ever deleted."""
        async with aclosing(self._answers(ANYTHING, ["isDeleted"])) as answers:
            async for found in answers:
                return any(one.deleted for one in found.changed)
        return False

    async def watched(self, attributes: Iterable[str]) -> list[str]:
        """Return the attributes whose changes matter: those, and all that the filters look at."""
        dialect = await self._directory.dialect()
        looked_at = looked_at_by(f"{dialect.people_filter}{dialect.groups_filter}")
        named = (*attributes, *looked_at, *_ALWAYS, *_OF_GROUPS)
        unique = {name.lower(): name for name in sorted(named)}
        return [name for key, name in sorted(unique.items()) if key not in _ELSEWHERE]

    async def context(self) -> str:
        """Return the naming context to ask; raise `Refused` if the control cannot be used."""
        dialect, root = await self._directory.dialect(), await self._directory.root()
        if importlib.util.find_spec("ldap") is None:
            raise Refused(Obstacle.NOT_INSTALLED)
        offered = OID in texts(root.get("supportedcontrol", ()))
        if not offered or LIGHTWEIGHT in texts(root.get("supportedcapabilities", ())):
            raise Refused(Obstacle.NOT_OFFERED)
        if dialect.id_attribute.lower() != "objectguid":
            raise Refused(Obstacle.OTHER_ID)
        settings = self._directory.settings
        held = texts(root.get("namingcontexts", ()))
        found = {_context_of(dn, held) for dn in (settings.base, settings.groups_base) if dn}
        if len(found) != 1 or "" in found:
            raise Refused(Obstacle.OTHER_CONTEXT)
        return found.pop()

    async def _told(self, condition: str, attributes: Sequence[str], cookie: str = "") -> Told:
        """Ask until nothing more is told."""
        changed: dict[str, Changed] = {}
        since, number = cookie, 0
        async with aclosing(self._answers(condition, attributes, cookie)) as answers:
            async for found in answers:
                changed.update((one.id, one) for one in found.changed)
                cookie, number = found.cookie, number + 1
                if len(changed) > MOST_CHANGES or number > _MOST_ANSWERS:
                    raise _too_many()
        if "" in changed:
            raise WatermarkExpiredError(
                "A change cannot be read, so that it is not known whose it is."
            )
        return Told(changed=changed, since=since, cookie=cookie)

    async def _answers(
        self, condition: str, attributes: Sequence[str], cookie: str = ""
    ) -> AsyncGenerator[Swept, None]:
        """Yield each answer, up to one after which nothing more is told."""
        request = Sweep(
            base=await self.context(),
            filter=condition,
            attributes=list(attributes),
            cookie=cookie,
            at_most=MOST_CHANGES,
            timeout=self._directory.limits.total,
        )
        async with self._link() as link:
            found = await self._answer(link, request)
            while found.more:
                yield found
                request = msgspec.structs.replace(request, cookie=found.cookie)
                found = await self._answer(link, request)
        yield found

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[SweepLink]:
        """Lend a connection; a library that cannot be loaded is as good as none."""
        async with AsyncExitStack() as stack:
            try:
                link = await stack.enter_async_context(self._directory.connection(SweepLink))
            except ConfigurationError as error:
                if error.code != NO_LIBRARY:
                    raise
                raise Refused(Obstacle.NOT_INSTALLED) from error
            yield link

    async def _answer(self, link: SweepLink, request: Sweep) -> Swept:
        self._directory.requests += 1
        found = await link.sweep(request)
        if isinstance(found, Failed):
            raise self._failure(found, request)
        return found

    def _failure(self, failed: Failed, request: Sweep) -> Exception:
        host = self._directory.host
        if failed.code == SIZE_LIMIT:
            return _too_many()
        if failed.code in _BAD_COOKIE and request.cookie:
            return WatermarkExpiredError(
                f"{host} does not accept where the changes should begin.",
                hint="A full read tells what changed.",
            )
        if failed.code in _REFUSED:
            return Refused(Obstacle.REFUSED, Redactor().excerpt(failed.text))
        return from_result(failed, host=host, signing_in=False)


def looked_at_by(filters: str) -> list[str]:
    """Return the attributes that filters look at, as often as they do."""
    return _NAMED.findall(filters)


def _context_of(dn: str, contexts: Iterable[str]) -> str:
    """Return the innermost naming context that holds an entry, or an empty text."""
    normal = normal_dn(dn)
    holding = [one for one in contexts if is_below(normal, normal_dn(one))]
    return max(holding, key=len, default="")


def _too_many() -> WatermarkExpiredError:
    return WatermarkExpiredError(
        f"More than {MOST_CHANGES:,} changes are more than a full read costs.",
        hint="A full read tells what changed.",
    )
