"""What an identity provider says: records, pages and how complete they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from core.errors import DirsyncError

ExternalId = NewType("ExternalId", str)
"""The provider's own immutable id of a person or a group."""

Digest = NewType("Digest", bytes)
"""16 bytes over a record's raw form; see `core.engine.scoping.digest_key`."""


Watermark = NewType("Watermark", str)
"""Where a delta begins: a provider's own text, which nobody else reads."""


UnitPath = tuple[str, ...]
"""The names of the organizational units from the topmost one's children down to one of them."""


class ResourceKind(StrEnum):
    """What a page or a change is about."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What a provider can do; the engine acts on these and never on a provider's name.

    Attributes:
        groups: it lists groups and their members.
        read_one: `IdentityProvider.read_user` can confirm that one person is gone.
        announces_total: its listings say how many records there are in all.
        delta: it can list the changes since a watermark.
        page_size: records asked for per page.
    """

    groups: bool
    read_one: bool
    announces_total: bool
    delta: bool = False
    page_size: int = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page of a listing, in the provider's order.

    Attributes:
        records: each record's raw bytes, not decoded (a JSON object or an encoded row).
        last: the provider said that nothing follows (an explicit end).
        total: the number of records that the provider announces for the whole listing, or None.
        token: what identified this page at the provider (cursor, index, link), to notice loops.
    """

    records: Sequence[bytes]
    last: bool
    total: int | None
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangePage:
    """One page of what changed since a watermark.

    Attributes:
        kind: what its records are.
        records: whole raw records, as `Page` has them; a changed group's has all its members.
        removed: ids that the provider explicitly says are deleted, or not among its people or
            groups any more; strangers may be among them.
        last: the provider said that nothing follows, of any kind.
        token: what identified this page at the provider, to notice loops.
        watermark: where the next delta begins; on the last page only.
        total: how many people the provider announces in all, changed or not; on the last page
            only, and None if it does not say.
    """

    kind: ResourceKind
    records: Sequence[bytes]
    removed: Sequence[ExternalId] = ()
    last: bool
    token: str
    watermark: Watermark | None = None
    total: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderUser:
    """A person's record, decoded.

    Attributes:
        external_id: the immutable id.
        user_name: RFC 7643 ``userName`` or the provider's equivalent.
        active: the provider says that the person may sign in.
        emails: addresses, the primary one first; empty if there is none.
        attributes: further values by attribute path ("name.givenName", "title",
            "enterprise.department"); only present values are in it.
        org_unit: where in the tree of organizational units; None where there is no such tree.
    """

    external_id: ExternalId
    user_name: str
    active: bool
    emails: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    org_unit: UnitPath | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderGroup:
    """A group's record, decoded.

    Attributes:
        external_id: the immutable id.
        display_name: the name that people know.
        member_users: ids of people who are direct members.
        member_groups: ids of groups that are direct members.
        member_unknown: ids of members of which the provider did not say what they are; the
            engine decides by whether a group has that id.
        complete: the list of members is known to be whole (False: a truncated list).
    """

    external_id: ExternalId
    display_name: str
    member_users: frozenset[ExternalId] = frozenset()
    member_groups: frozenset[ExternalId] = frozenset()
    member_unknown: frozenset[ExternalId] = frozenset()
    complete: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Memberships:
    """Which of some groups have a person in them, directly or through nested groups.

    Attributes:
        groups: those that certainly have.
        whole: the others certainly have not.
    """

    groups: frozenset[ExternalId]
    whole: bool


class Presence(StrEnum):
    """The answer to "is this one person still there?"."""

    ACTIVE = "active"
    DISABLED = "disabled"
    GONE = "gone"


class CheckStatus(StrEnum):
    """How one line of a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckLine:
    """One thing that was checked.

    Attributes:
        name: short noun phrase, for example "Sign-in".
        status: how it came out.
        detail: what was seen, without secrets.
        hint: what to do about it, or an empty string.
        code: stable word for what is wrong ("unreachable", "tls", "sign_in_needed",
            "permission_missing", "not_scim", "empty", …), or an empty string.
    """

    name: str
    status: CheckStatus
    detail: str = ""
    hint: str = ""
    code: str = ""

    @classmethod
    def ok(cls, name: str, detail: str = "") -> CheckLine:
        """Return what is as it should be."""
        return cls(name=name, status=CheckStatus.OK, detail=detail)

    @classmethod
    def failed(cls, name: str, error: DirsyncError) -> CheckLine:
        """Return a failure in the error's words."""
        return cls(
            name=name,
            status=CheckStatus.FAILED,
            detail=error.message,
            hint=error.hint,
            code=error.code,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """What `IdentityProvider.check` found, in the order in which it was checked.

    Attributes:
        company: the tenant, company or host that was reached, so that a wrong one is noticed.
        lines: what was checked.
        sample: up to five people, to look at.
    """

    company: str
    lines: tuple[CheckLine, ...]
    sample: tuple[ProviderUser, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return all(line.status is not CheckStatus.FAILED for line in self.lines)
