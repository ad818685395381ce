"""What the near end and the process that asks Active Directory for changes say to each other."""

from __future__ import annotations

from typing import Final

import msgspec

from core.providers.ldap.wire import Bind, Bound, Failed

NO_CONTROL: Final = -9003
"""A code of our own beside LDAP's: the answer came without the control that was asked for."""


class Sweep(msgspec.Struct, frozen=True, tag="sweep"):
    """Ask for what changed since a cookie, or since ever.

    Attributes:
        base: the root of a naming context.
        cookie: base64, or empty.
        attributes: whoever changed in one of these is told.
        at_most: how many entries are taken of one answer.
        timeout: seconds.
    """

    base: str
    filter: str
    attributes: list[str]
    cookie: str
    at_most: int
    timeout: float


class Changed(msgspec.Struct, frozen=True):
    """What is told of one object.

    Attributes:
        id: its objectGUID as text, or empty.
        deleted: it is said to be deleted.
        renamed: its name or its place is another, or it is new.
        new: all of it is told, so it is new, or nothing was known before.
    """

    id: str
    deleted: bool
    renamed: bool
    new: bool

    @property
    def moved(self) -> bool:
        """It was there before, under another name or in another place."""
        return self.renamed and not (self.new or self.deleted)


class Swept(msgspec.Struct, frozen=True, tag="swept"):
    """One answer; with `more` the next one begins at its cookie."""

    changed: list[Changed]
    cookie: str
    more: bool


SweepRequest = Bind | Sweep
SweepAnswer = Bound | Swept | Failed
