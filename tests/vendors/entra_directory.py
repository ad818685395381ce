"""A Microsoft Entra tenant's people and groups, and the log of what changed in it."""

import itertools
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

USER_PROPERTIES = frozenset(
    {
        "accountEnabled",
        "ageGroup",
        "businessPhones",
        "city",
        "companyName",
        "country",
        "createdDateTime",
        "department",
        "displayName",
        "employeeHireDate",
        "employeeId",
        "employeeOrgData",
        "employeeType",
        "faxNumber",
        "givenName",
        "id",
        "imAddresses",
        "jobTitle",
        "mail",
        "mailNickname",
        "mobilePhone",
        "officeLocation",
        "onPremisesExtensionAttributes",
        "onPremisesImmutableId",
        "onPremisesSamAccountName",
        "otherMails",
        "postalCode",
        "preferredLanguage",
        "proxyAddresses",
        "state",
        "streetAddress",
        "surname",
        "usageLocation",
        "userPrincipalName",
        "userType",
    }
)
SINGLE_ONLY = frozenset({"aboutMe", "birthday", "hireDate", "interests", "skills", "schools"})
GROUP_PROPERTIES = frozenset(
    {"id", "displayName", "description", "mail", "mailEnabled", "securityEnabled", "visibility"}
)
BASIC = frozenset({"id", "displayName", "givenName", "surname", "mail", "userPrincipalName"})
_LISTS = frozenset({"businessPhones", "imAddresses", "otherMails", "proxyAddresses"})

Properties = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One entry of the log; `names` are the properties or relationships that changed."""

    collection: str
    object_id: str
    names: frozenset[str]
    members: Mapping[str, bool] = field(default_factory=dict)
    "id -> whether the member was added"


class Tenant:
    """People and groups in the order of their creation."""

    def __init__(self, *, name: str = "Contoso", domain: str = "contoso.example") -> None:
        self.id = str(uuid.UUID(int=0x7E7A))
        self.name = name
        self.domain = domain
        self.users: dict[str, Properties] = {}
        self.groups: dict[str, Properties] = {}
        self.managers: dict[str, str] = {}
        self.members: dict[str, dict[str, str]] = {}
        "group id -> member id -> its OData type"
        self.log: list[Change] = []
        self._ids = itertools.count(1)

    def add_user(self, **properties: object) -> str:
        one = str(uuid.UUID(int=next(self._ids) << 64 | 0xA))
        self.users[one] = {"id": one, "accountEnabled": True, "userType": "Member", **properties}
        self._note("users", one, properties)
        return one

    def add_group(
        self,
        name: str | None,
        *,
        users: Iterable[str] = (),
        groups: Iterable[str] = (),
        **more: object,
    ) -> str:
        one = str(uuid.UUID(int=next(self._ids) << 64 | 0xB))
        self.groups[one] = {"id": one, "displayName": name, "visibility": None, **more}
        self.members[one] = {}
        self._note("groups", one, {"displayName": name})
        self.join(one, users=users, groups=groups)
        return one

    def join(
        self,
        group: str,
        *,
        users: Iterable[str] = (),
        groups: Iterable[str] = (),
        devices: Iterable[str] = (),
    ) -> None:
        kinds = {"user": users, "group": groups, "device": devices}
        new = {one: f"#microsoft.graph.{kind}" for kind, ids in kinds.items() for one in ids}
        self.members[group].update(new)
        self._note_members(group, dict.fromkeys(new, True))

    def leave(self, group: str, member: str) -> None:
        del self.members[group][member]
        self._note_members(group, {member: False})

    def update(self, one: str, **properties: object) -> None:
        collection = "users" if one in self.users else "groups"
        (self.users if one in self.users else self.groups)[one].update(properties)
        self._note(collection, one, properties)

    def set_manager(self, one: str, manager: str) -> None:
        self.managers[one] = manager
        self._note("users", one, {"manager": manager})

    def delete(self, one: str) -> None:
        collection = "users" if one in self.users else "groups"
        (self.users if one in self.users else self.groups).pop(one)
        for group, members in self.members.items():
            if members.pop(one, None):
                self._note_members(group, {one: False})
        self._note(collection, one, {})

    def objects(self, collection: str) -> dict[str, Properties]:
        return self.users if collection == "users" else self.groups

    def holders(self, member: str, *, seen_through: Callable[[str], bool]) -> set[str]:
        """Return the groups that have a member in them, through groups that show theirs."""
        found: set[str] = set()
        waiting = [member]
        while waiting:
            one = waiting.pop()
            direct = {group for group, held in self.members.items() if one in held}
            new = {group for group in direct - found if seen_through(group)}
            found |= new
            waiting += new
        return found

    def member_type(self, one: str) -> str:
        return "#microsoft.graph.group" if one in self.groups else "#microsoft.graph.user"

    def _note(self, collection: str, one: str, properties: Mapping[str, object]) -> None:
        self.log.append(Change(collection=collection, object_id=one, names=frozenset(properties)))

    def _note_members(self, group: str, members: Mapping[str, bool]) -> None:
        if members:
            names = frozenset({"members"})
            self.log.append(
                Change(collection="groups", object_id=group, names=names, members=members)
            )


def shown(properties: Properties, names: Iterable[str], *, known: frozenset[str]) -> Properties:
    """Return these properties as a listing shows them: what was never set is null or empty."""
    empty: Properties = {name: [] if name in _LISTS else None for name in names if name in known}
    return {name: properties.get(name, value) for name, value in empty.items()}


@dataclass(kw_only=True)
class DeltaRow:
    """One object of a delta answer."""

    object_id: str
    names: set[str] = field(default_factory=set)
    members: dict[str, bool] = field(default_factory=dict)


def delta_rows(log: Iterable[Change], collection: str, tracked: frozenset[str]) -> list[DeltaRow]:
    """Return what a delta over this part of the log is about, each object once."""
    rows: dict[str, DeltaRow] = {}
    for change in log:
        if change.collection != collection or (change.names and not change.names & tracked):
            continue
        row = rows.setdefault(change.object_id, DeltaRow(object_id=change.object_id))
        row.names |= change.names
        row.members.update(change.members)
    return list(rows.values())
