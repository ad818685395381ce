"""An Okta org's people and groups, with the dates that Okta keeps."""

import copy
import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

STATUSES = (
    "STAGED",
    "PROVISIONED",
    "ACTIVE",
    "RECOVERY",
    "PASSWORD_EXPIRED",
    "LOCKED_OUT",
    "SUSPENDED",
    "DEPROVISIONED",
)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class OktaOrg:
    """The directory behind the API.

    Attributes:
        users: by id, in the order of creation.
        index: what a search sees, which is a copy that tests can keep old.
        ahead: how far the org's clock is ahead of this machine's.
    """

    id = "00oorg00000000000001"

    def __init__(self) -> None:
        self.users: dict[str, dict] = {}
        self.groups: dict[str, dict] = {}
        self.members: dict[str, list[str]] = {}
        self.index = self.users
        self.ahead = timedelta()
        self._numbers = itertools.count(1)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def add_user(self, login: str, *, status: str = "ACTIVE", **profile: object) -> str:
        """Create somebody; Okta refuses a login that is taken, in whatever case."""
        taken = {one["profile"]["login"].casefold() for one in self.users.values()}
        assert login.casefold() not in taken
        assert status in STATUSES
        return self._add(login, status, profile)

    def add_people(self, count: int) -> list[str]:
        """Create that many with a usual profile."""
        return [
            self._add(
                f"person{n}@example.com",
                "ACTIVE",
                {
                    "firstName": f"Given{n}",
                    "lastName": f"Family{n}",
                    "title": "Engineer",
                    "department": "Research",
                    "employeeNumber": str(n),
                },
            )
            for n in range(count)
        ]

    def _add(self, login: str, status: str, profile: Mapping) -> str:
        key, now = f"00u{next(self._numbers):017d}", stamp(self.now())
        self.users[key] = {
            "id": key,
            "status": status,
            "created": now,
            "activated": None if status == "STAGED" else now,
            "statusChanged": now,
            "lastLogin": None,
            "lastUpdated": now,
            "passwordChanged": None,
            "type": {"id": "oty00000000000000001"},
            "profile": {
                "firstName": None,
                "lastName": None,
                "mobilePhone": None,
                "secondEmail": None,
                "login": login,
                "email": login,
                **profile,
            },
            "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
        }
        return key

    def change(self, key: str, **profile: object) -> None:
        """Change somebody's profile."""
        self.users[key]["profile"] |= profile
        self._touch(key)

    def set_status(self, key: str, status: str) -> None:
        """Carry out a lifecycle action; who is deactivated leaves all groups."""
        self.users[key]["status"] = status
        self.users[key]["statusChanged"] = stamp(self.now())
        self._touch(key)
        if status == "DEPROVISIONED":
            self._leave_groups(key)

    def logs_in(self, key: str) -> None:
        """Sign somebody in, which changes nothing that is theirs."""
        self.users[key]["lastLogin"] = stamp(self.now())

    def delete_user(self, key: str) -> None:
        """Delete somebody for good, as an admin does after deactivating them."""
        del self.users[key]
        self._leave_groups(key)

    def add_group(self, name: str, members: Iterable[str] = (), *, kind: str = "OKTA_GROUP") -> str:
        key, now = f"00g{next(self._numbers):017d}", stamp(self.now())
        self.groups[key] = {
            "id": key,
            "created": now,
            "lastUpdated": now,
            "lastMembershipUpdated": now,
            "objectClass": ["okta:user_group"],
            "type": kind,
            "profile": {"name": name, "description": None},
        }
        self.members[key] = list(members)
        return key

    def set_members(self, group: str, members: Iterable[str]) -> None:
        self.members[group] = list(members)
        self.groups[group]["lastMembershipUpdated"] = stamp(self.now())

    def rename_group(self, group: str, name: str) -> None:
        self.groups[group]["profile"]["name"] = name
        self.groups[group]["lastUpdated"] = stamp(self.now())

    def delete_group(self, group: str) -> None:
        del self.groups[group], self.members[group]

    def find(self, name: str) -> Mapping | None:
        """Return whom an id, a login or an unambiguous short name means."""
        if name in self.users:
            return self.users[name]
        wanted = name.casefold()
        logins = {one["profile"]["login"].casefold(): one for one in self.users.values()}
        short = [one for login, one in logins.items() if login.partition("@")[0] == wanted]
        return logins.get(wanted) or (short[0] if len(short) == 1 else None)

    def _touch(self, key: str) -> None:
        self.users[key]["lastUpdated"] = stamp(self.now())

    def _leave_groups(self, key: str) -> None:
        for group, members in self.members.items():
            if key in members:
                self.set_members(group, [one for one in members if one != key])

    def freeze_index(self) -> None:
        """Let searches see only what is there now."""
        self.index = copy.deepcopy(self.users)
