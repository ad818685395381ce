"""A Google Workspace customer's people, groups and organizational units."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

NEVER = "1970-01-01T00:00:00.000Z"


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class GoogleCustomer:
    """The directory behind the API.

    Attributes:
        users: by id, in the order in which the API lists them.
        deleted: who was deleted within the last 20 days.
        units: path of an organizational unit -> its id.
        members: group -> its members, ready to be listed.
    """

    id = "C03az79cb"
    domain = "example.com"

    def __init__(self) -> None:
        self.users: dict[str, dict] = {}
        self.deleted: dict[str, dict] = {}
        self.groups: dict[str, dict] = {}
        self.members: dict[str, list[dict]] = {}
        self.units: dict[str, str] = {"/": "id:03ph8a2z0top"}
        self._numbers = itertools.count(100000000000000000000)

    def add_user(self, address: str, *, unit: str = "/", **more: object) -> str:
        """Create somebody; Google refuses an address that is taken, an alias too."""
        assert unit in self.units
        assert self.find(address) is None
        key = str(next(self._numbers))
        given, family = address.partition("@")[0].title(), "Example"
        self.users[key] = {
            "kind": "admin#directory#user",
            "id": key,
            "etag": f'"{key}"',
            "primaryEmail": address,
            "name": {
                "givenName": given,
                "familyName": family,
                "fullName": f"{given} {family}",
            },
            "isAdmin": False,
            "isDelegatedAdmin": False,
            "lastLoginTime": NEVER,
            "creationTime": stamp(),
            "agreedToTerms": True,
            "suspended": False,
            "archived": False,
            "changePasswordAtNextLogin": False,
            "emails": [{"address": address, "primary": True}],
            "customerId": self.id,
            "orgUnitPath": unit,
            "isMailboxSetup": True,
            "isEnrolledIn2Sv": False,
            "isEnforcedIn2Sv": False,
            "includeInGlobalAddressList": True,
            **more,
        }
        return key

    def add_people(self, count: int) -> list[str]:
        """Create that many with a usual profile."""
        return [
            self.add_user(
                f"person{n}@example.com",
                organizations=[
                    {"title": "Engineer", "department": "Research", "primary": True},
                ],
                externalIds=[{"value": str(n), "type": "organization"}],
            )
            for n in range(count)
        ]

    def change(self, key: str, **changed: object) -> None:
        """Change somebody; who gets another address keeps the old one as an alias."""
        user = self.users[key]
        address = changed.get("primaryEmail")
        if address is not None:
            user["emails"] = [{"address": address, "primary": True}]
        user |= changed

    def delete_user(self, key: str) -> None:
        """Delete somebody, who can be restored for 20 days and is in no group any more."""
        self.deleted[key] = {**self.users.pop(key), "deletionTime": stamp()}
        for group, members in self.members.items():
            self.members[group] = [one for one in members if one["id"] != key]

    def add_unit(self, path: str) -> str:
        """Create an organizational unit below one that exists."""
        parent = path.rpartition("/")[0] or "/"
        assert parent in self.units
        self.units[path] = f"id:03ph8a2z{len(self.units):08d}"
        return self.units[path]

    def rename_unit(self, path: str, new: str) -> None:
        """Rename a unit; everybody in it and below is shown under the new path."""
        below = [one for one in self.units if one == path or one.startswith(f"{path}/")]
        for old in below:
            self.units[new + old.removeprefix(path)] = self.units.pop(old)
        for user in self.users.values():
            if user["orgUnitPath"] in below:
                user["orgUnitPath"] = new + user["orgUnitPath"].removeprefix(path)

    def add_group(
        self,
        name: str,
        users: Iterable[str] = (),
        *,
        groups: Iterable[str] = (),
        everybody: bool = False,
    ) -> str:
        number = next(self._numbers) % 10**9
        key = f"01group{number:09d}"
        self.groups[key] = {
            "kind": "admin#directory#group",
            "id": key,
            "etag": f'"{key}"',
            "email": f"{name.lower().replace(' ', '-')}-{number}@{self.domain}",
            "name": name,
            "description": "",
            "adminCreated": True,
        }
        self.members[key] = []
        self.set_members(key, users, groups=groups, everybody=everybody)
        return key

    def set_members(
        self,
        group: str,
        users: Iterable[str],
        *,
        groups: Iterable[str] = (),
        everybody: bool = False,
    ) -> None:
        """Make exactly these the members of a group."""
        found = [self._member(self.users[one], "USER") for one in users]
        found += [self._member(self.groups[one], "GROUP") for one in groups]
        if everybody:
            found.append({"kind": "admin#directory#member", "id": self.id, "type": "CUSTOMER"})
        self.members[group] = found

    def delete_group(self, group: str) -> None:
        del self.groups[group], self.members[group]

    def find(self, name: str) -> dict | None:
        """Return whom an id, a primary address or an alias means."""
        if name in self.users:
            return self.users[name]
        wanted = name.casefold()
        for user in self.users.values():
            names = [user["primaryEmail"], *user.get("aliases", ())]
            if wanted in map(str.casefold, names):
                return user
        return None

    def has_member(self, group: str, one: str) -> bool | None:
        """Return whether a group has a user in it; None if the way leads through another domain.

        That everybody of the company is in a group is not taken for being a member.
        """
        waiting, seen, elsewhere = [group], set(), False
        while waiting:
            key = waiting.pop()
            seen.add(key)
            if key not in self.members:
                elsewhere = True
                continue
            ids = {entry["id"]: entry["type"] for entry in self.members[key]}
            if ids.get(one) == "USER":
                return True
            waiting += [id_ for id_, kind in ids.items() if kind == "GROUP" and id_ not in seen]
        return None if elsewhere else False

    def group_with_count(self, key: str) -> Mapping:
        people = sum(one["type"] == "USER" for one in self.members[key])
        return {**self.groups[key], "directMembersCount": str(people)}

    def _member(self, record: Mapping, kind: str) -> dict:
        address = record["primaryEmail"] if kind == "USER" else record["email"]
        return {
            "kind": "admin#directory#member",
            "etag": record["etag"],
            "id": record["id"],
            "email": address,
            "role": "MEMBER",
            "type": kind,
            "status": "ACTIVE",
        }
