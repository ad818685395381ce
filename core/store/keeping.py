"""Attributes that are written when somebody is created, and never afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.model.account import shown_name
from core.model.cycle import Decision
from core.store.bulk import Columns, json_rows
from core.store.codec import to_json
from core.store.database import Row, Transaction
from core.store.deciding import STANDING, touched_by

_ROWS: Columns = (
    ("seq", "bigint"),
    ("profile", "text"),
    ("user_name", "text"),
    ("display_name", "text"),
)
_KEEP = """
UPDATE staged_users SET profile = k.profile, user_name = k.user_name,
    display_name = k.display_name
FROM {rows} AS k WHERE staged_users.seq = k.seq
"""
_PROFILE = msgspec.json.Decoder(dict[str, str])


async def keep_attributes(
    tx: Transaction, decisions: Sequence[Decision], keep: frozenset[str]
) -> None:
    """Put what people have of these attributes over what was read of them.

    That goes for whoever is in the account already; whoever is created gets what was read.
    """
    standing = [decision for decision in decisions if decision.action in STANDING]
    found = (await touched_by(tx, standing)).values()
    rows = [_kept(row, keep) for row in found if row.seq is not None]
    if rows:
        source = json_rows(tx.backend, "rows", _ROWS)
        await tx.run(_KEEP.format(rows=source), rows=to_json(rows))


def _kept(row: Row, keep: frozenset[str]) -> tuple[int, str, str, str]:
    old, new = _PROFILE.decode(row.profile), _PROFILE.decode(row.new_profile)
    profile = {name: text for name, text in new.items() if name not in keep}
    profile |= {name: text for name, text in old.items() if name in keep}
    user_name = row.user_name if "user_name" in keep else row.new_user_name
    name = shown_name(profile) or user_name
    return row.seq, to_json(profile), user_name, name
