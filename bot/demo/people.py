"""Who is in the demo's Slack workspace: an invented cast, and how `users.info` shows them."""

from collections.abc import Mapping
from dataclasses import dataclass

TEAM_ID = "T0DEMO0001"
TEAM_NAME = "Larkspur & Finch"
TEAM_DOMAIN = "larkspur-finch"
OTHER_TEAM_ID = "T0PARTNER1"
BOT_USER_ID = "U0DIRSYNC1"
BOT_ID = "B0DIRSYNC1"
APP_ID = "A0DIRSYNC1"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A member, guest, bot or outsider, with the flags that `users.info` carries."""

    id: str
    name: str
    real_name: str
    title: str = ""
    email: str = ""
    tz: str = "Europe/Berlin"
    team_id: str = TEAM_ID
    is_admin: bool = False
    is_owner: bool = False
    is_primary_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    is_stranger: bool = False
    is_email_confirmed: bool = True
    deleted: bool = False

    @property
    def role(self) -> str:
        """Say in a word or two what this person is in the workspace."""
        words = {
            "bot": self.is_bot,
            "outsider": self.is_stranger,
            "guest": self.is_restricted or self.is_ultra_restricted,
            "owner": self.is_owner,
            "admin": self.is_admin,
        }
        return next((word for word, held in words.items() if held), "member")


def cast() -> tuple[Person, ...]:
    """Return the people of the demo workspace, the bot among them."""
    return (
        Person(
            id="U0OWNER001",
            name="marlene",
            real_name="Marlene Öztürk",
            title="Head of IT",
            email="marlene@larkspur-finch.example",
            is_admin=True,
            is_owner=True,
            is_primary_owner=True,
        ),
        Person(
            id="U0ADMIN001",
            name="tomasz",
            real_name="Tomasz Wójcik",
            title="Identity engineer",
            email="tomasz@larkspur-finch.example",
            tz="Europe/Warsaw",
            is_admin=True,
        ),
        Person(
            id="U0ADMIN002",
            name="priya",
            real_name="प्रिया नायर",
            title="Systems administrator",
            email="priya@larkspur-finch.example",
            tz="Asia/Kolkata",
            is_admin=True,
        ),
        Person(
            id="U0VIEWER01",
            name="haruka",
            real_name="森 はるか",
            title="Support lead, may look at dirsync",
            email="haruka@larkspur-finch.example",
            tz="Asia/Tokyo",
        ),
        Person(
            id="U0MEMBER01",
            name="yusuf",
            real_name="يوسف الحداد",
            title="Optics engineer",
            email="yusuf@larkspur-finch.example",
            tz="Africa/Cairo",
        ),
        Person(
            id="U0MEMBER02",
            name="oksana",
            real_name="Оксана Бондар",
            title="Controller",
            email="oksana@larkspur-finch.example",
            tz="Europe/Kyiv",
        ),
        Person(
            id="U0GUEST001",
            name="lucas",
            real_name="Lucas Ferreira",
            title="Contractor",
            email="lucas@contractor.example",
            tz="America/Sao_Paulo",
            is_restricted=True,
        ),
        Person(
            id="U0OUTSIDE1",
            name="ingrid",
            real_name="Ingrid Sæther",
            title="Partner",
            email="ingrid@partner.example",
            tz="Europe/Oslo",
            team_id=OTHER_TEAM_ID,
            is_stranger=True,
        ),
        Person(
            id=BOT_USER_ID,
            name="dirsync",
            real_name="dirsync",
            title="Keeps people in step",
            is_bot=True,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class UserGroup:
    """A user group, which messages mention as ``<!subteam^S…|@handle>``."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]
    disabled: bool = False


def user_groups() -> tuple[UserGroup, ...]:
    """Return the user groups of the demo workspace."""
    return (
        UserGroup(
            id="S0ITADMINS",
            handle="it-admins",
            name="IT admins",
            users=("U0ADMIN001", "U0ADMIN002"),
        ),
        UserGroup(
            id="S0SUPPORT1",
            handle="support",
            name="Support desk",
            users=("U0VIEWER01", "U0MEMBER01", "U0GUEST001"),
        ),
        UserGroup(
            id="S0OLDCREW1",
            handle="old-crew",
            name="Disabled last year",
            users=("U0MEMBER02",),
            disabled=True,
        ),
    )


def user_object(person: Person, *, with_email: bool) -> dict[str, object]:
    """Return the `user` of `users.info`; the address only where the scope allows it."""
    profile: dict[str, object] = {
        "title": person.title,
        "real_name": person.real_name,
        "display_name": person.name,
        "team": person.team_id,
    }
    if with_email and person.email:
        profile["email"] = person.email
    return {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "deleted": person.deleted,
        "real_name": person.real_name,
        "tz": person.tz,
        "profile": profile,
        "is_admin": person.is_admin,
        "is_owner": person.is_owner,
        "is_primary_owner": person.is_primary_owner,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "is_bot": person.is_bot,
        "is_stranger": person.is_stranger,
        "is_app_user": False,
        "is_email_confirmed": person.is_email_confirmed,
    }


def group_object(group: UserGroup) -> Mapping[str, object]:
    """Return a user group as the page's `hello` lists them."""
    return {"id": group.id, "handle": group.handle, "name": group.name}


def page_object(person: Person) -> Mapping[str, object]:
    """Return a person as the page's `hello` lists them."""
    return {
        "id": person.id,
        "name": person.name,
        "real_name": person.real_name,
        "title": person.title,
        "role": person.role,
        "is_bot": person.is_bot,
        "tz": person.tz,
    }
