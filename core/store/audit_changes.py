"""What was changed from what to what, for the audit: flat keys, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from core.model.account import Actor
from core.model.configuration import ConfigurationSpec
from core.model.events import AuditEntry
from core.store.audit import add_audit
from core.store.database import Transaction

Values = dict[str, object]
_SECRET = re.compile(r"(token|password|secret|key)$")
_REFERENCE = re.compile(r"(env|file|stored):")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_HIDDEN = "(hidden)"
_NAMES = frozenset({"guard.canaries", "guard.protected"})


async def audit_change(
    tx: Transaction,
    before: ConfigurationSpec | None,
    after: ConfigurationSpec,
    *,
    revision: int,
    by: Actor,
    now: datetime,
) -> None:
    """Append that a configuration was created or updated to this revision, and how."""
    old, new = differences(before, after)
    entry = AuditEntry(
        at=now,
        actor=by.id,
        door=by.door,
        action="configuration.created" if before is None else "configuration.updated",
        subject=after.name,
        allowed=True,
        detail={"revision": revision},
        before=old,
        after=new,
    )
    await add_audit(tx, entry)


def differences(
    before: ConfigurationSpec | None, after: ConfigurationSpec | None
) -> tuple[Values, Values]:
    """Return the keys that differ, as they were and as they are; None stands for nothing at all.

    Keys are those of the configuration with dots ("scope.groups"); one that has no value is left
    out. Secrets are shown as references only, and of named people how many there are.
    """
    old, new = _flat(before), _flat(after)
    changed = [key for key in old | new if old.get(key) != new.get(key)]
    return (
        {key: _shown(key, old[key]) for key in changed if key in old},
        {key: _shown(key, new[key]) for key in changed if key in new},
    )


def _flat(spec: ConfigurationSpec | None) -> Values:
    if spec is None:
        return {}
    document = msgspec.to_builtins(spec, builtin_types=(timedelta,))
    return dict(_leaves(document, ""))


def _leaves(values: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        elif value not in (None, "", [], ()):
            yield f"{prefix}{name}", value


def _shown(key: str, value: object) -> object:
    if _SECRET.search(key) and not (isinstance(value, str) and _REFERENCE.match(value)):
        return _HIDDEN
    if key in _NAMES and isinstance(value, tuple):
        return f"{len(value)} named"
    if isinstance(value, timedelta):
        return _lasting(value)
    return list(value) if isinstance(value, tuple) else value


def _lasting(length: timedelta) -> str:
    """Return a length of time as the configuration file has it: 30d, 90m."""
    seconds = int(length.total_seconds())
    size, unit = next((each for each in _UNITS if seconds % each[0] == 0), (1, "s"))
    return f"{seconds // size}{unit}"
