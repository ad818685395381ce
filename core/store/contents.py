"""A digest over what a store says, for comparing twins."""

from __future__ import annotations

import hashlib

from core.store.database import Transaction

_PARTS: tuple[tuple[str, str], ...] = (
    (
        "configurations",
        """
SELECT name, document, enabled, revision, failures, stopped_reason, picked_canaries
FROM configurations WHERE account_id = :account
""",
    ),
    (
        "users",
        """
SELECT f.name, l.external_id, u.user_name, u.display_name, u.email, u.match_key,
u.status, u.status_before, u.disabled_by, u.protected, u.licensed, u.profile
FROM users u LEFT JOIN configurations f ON f.id = u.configuration_id
LEFT JOIN links l ON l.user_id = u.id AND l.configuration_id = u.configuration_id
WHERE u.account_id = :account
""",
    ),
    (
        "links",
        """
SELECT f.name, l.external_id, l.user_id IS NULL, l.digest, l.mapped_digest,
l.group_scoped, l.kept, l.in_scope, l.absent_since IS NULL, l.label
FROM links l JOIN configurations f ON f.id = l.configuration_id
WHERE l.account_id = :account
""",
    ),
    (
        "groups",
        """
SELECT f.name, g.external_id, g.display_name, g.member_digest, g.members
FROM groups g JOIN configurations f ON f.id = g.configuration_id
WHERE g.account_id = :account
""",
    ),
    (
        "memberships",
        """
SELECT f.name, g.external_id, m.external_id FROM memberships m
JOIN groups g ON g.id = m.group_id
JOIN configurations f ON f.id = m.configuration_id WHERE m.account_id = :account
""",
    ),
    (
        "changes",
        """
SELECT f.name, c.kind, c.external_id, c.action, c.result, c.label, c.reason, c.before,
c.after FROM changes c JOIN configurations f ON f.id = c.configuration_id
WHERE c.account_id = :account
""",
    ),
    (
        "problems",
        """
SELECT f.name, p.external_id, p.label, p.severity, p.code, p.attribute
FROM problems p JOIN configurations f ON f.id = p.configuration_id
WHERE p.account_id = :account
""",
    ),
    (
        "invitations",
        """
SELECT u.user_name, i.way, i.state, i.state_before, i.sent_at IS NULL
FROM invitations i JOIN users u ON u.id = i.user_id WHERE i.account_id = :account
""",
    ),
    (
        "held_items",
        """
SELECT h.state, i.kind, i.external_id, i.action, i.label FROM held_items i
JOIN held_sets h ON h.id = i.held_set_id WHERE i.account_id = :account
""",
    ),
    ("licenses", "SELECT total FROM license_pool WHERE account_id = :account"),
)


async def digest(tx: Transaction) -> str:
    """Hash every part's rows regardless of their order."""
    whole = hashlib.blake2b(digest_size=16)
    for name, sql in _PARTS:
        rows = sorted(_line(tuple(row)) for row in await tx.rows(sql))
        whole.update(f"{name} {len(rows)}\n".encode())
        for line in rows:
            whole.update(line)
    return whole.hexdigest()


def _line(values: tuple[object, ...]) -> bytes:
    plain = (
        value.hex()
        if isinstance(value, bytes)
        else int(value)
        if isinstance(value, bool)
        else value
        for value in values
    )
    return (repr(tuple(plain)) + "\n").encode("utf-8", "backslashreplace")
