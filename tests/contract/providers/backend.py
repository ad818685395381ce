"""What a provider's real counterpart must do, so that the contract suite can drive it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from core.http.limits import HttpLimits
from core.model.configuration import ProviderSettings
from core.ports import Clock, IdentityProvider
from core.providers.context import ProviderContext
from core.providers.registry import open_provider
from tests.support.clocks import WallClock
from tests.support.scim_backend import TOKEN

LIMITS = HttpLimits(connect=20, read=20, total=30, attempts=2, retry_wait=0.01, retry_wait_max=0.05)
SECRET = "env:DIRSYNC_CREDENTIAL_T"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody to start with; `key` is how the suite calls them."""

    key: str
    active: bool = True
    groups: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.key}@example.com"


class Backend(ABC):
    """A real directory, before and after what the suite does to it."""

    signs_in = True
    "the directory asks for a credential"
    over_network = True
    "it can be unreachable"
    lists_changes = True
    "a delta of it says who changed, not just whether anything did"

    holds_groups = True
    "its groups can have groups in them"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock: Clock = WallClock()
        self.group_ids: dict[str, str] = {}

    @abstractmethod
    async def start(self, people: list[Person]) -> None:
        """Serve exactly these people, and the groups that they name."""

    @abstractmethod
    async def disable(self, key: str) -> None: ...

    @abstractmethod
    async def rename(self, key: str, title: str) -> None:
        """Give somebody another title."""

    @abstractmethod
    async def readdress(self, key: str, email: str) -> None:
        """Give somebody another e-mail address and user name."""

    @abstractmethod
    async def add(self, person: Person) -> None:
        """Create somebody; who was deleted gets what a newcomer of that key gets."""

    @abstractmethod
    async def delete(self, key: str) -> None: ...

    @abstractmethod
    async def spoil_one(self) -> None:
        """Make one person's record unreadable, its id apart."""

    @abstractmethod
    async def put_group(self, name: str, keys: list[str], groups: Sequence[str] = ()) -> None:
        """Let a group have exactly these people and groups in it; create it if need be."""

    @abstractmethod
    def settings(self, page_size: int) -> ProviderSettings: ...

    @abstractmethod
    def id_of(self, key: str) -> str:
        """The immutable id that the directory gave to somebody."""

    @abstractmethod
    async def refuse_sign_in(self) -> None:
        """Accept the credential no more, where there is one."""

    @abstractmethod
    async def go_away(self) -> None:
        """Accept no connections any more, where there are any."""

    def page_requests(self) -> int | None:
        """How many requests for people arrived, or None if that cannot be counted."""
        return None

    async def open(self, *, page_size: int = 1000) -> IdentityProvider:
        context = ProviderContext(
            clock=self.clock,
            allow_networks=(ip_network("127.0.0.0/8"),),
            credentials_dir=self.folder,
            environ={"DIRSYNC_CREDENTIAL_T": TOKEN},
            limits=LIMITS,
        )
        return await open_provider(self.settings(page_size), context=context)


def members_of(people: list[Person]) -> dict[str, list[str]]:
    """The keys of each group's people."""
    members: dict[str, list[str]] = {}
    for person in people:
        for name in person.groups:
            members.setdefault(name, []).append(person.key)
    return members
