"""The statements that give people to another configuration; ``chosen`` are the conflicts.

They run in this order, in one transaction, while no cycle of either configuration can write.
"""

from __future__ import annotations

_RECORD = """
INSERT INTO moves (account_id, id, user_id, from_id, external_id, to_id, at, by, by_name, reason)
SELECT :account, CAST(:first AS bigint) + row_number() OVER (ORDER BY c.id) - 1, c.user_id,
    c.owner_id, (SELECT min(l.external_id) FROM links l WHERE l.user_id = c.user_id
        AND l.configuration_id = c.owner_id),
    c.configuration_id, CAST(:now AS double precision), :by, :by_name, :reason
FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
"""
_FORMER_OWNER = """
INSERT INTO conflicts (account_id, id, configuration_id, external_id, user_id, owner_id, label,
    user_name, display_name, email, profile, state, cycle_id, since, decided_by, decided_at, reason)
SELECT :account, CAST(:record AS bigint) + row_number() OVER (ORDER BY c.id) - 1, c.owner_id,
    l.external_id, u.id, c.configuration_id, l.label, u.user_name, u.display_name, u.email,
    u.profile, 'kept', '', CAST(:now AS double precision), :by, CAST(:now AS double precision),
    :reason
FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
JOIN users u ON u.id = c.user_id
JOIN links l ON l.user_id = u.id AND l.configuration_id = c.owner_id AND l.absent_since IS NULL
WHERE TRUE
ON CONFLICT (configuration_id, external_id) DO UPDATE SET
    user_id = excluded.user_id, owner_id = excluded.owner_id, label = excluded.label,
    user_name = excluded.user_name, display_name = excluded.display_name,
    email = excluded.email, profile = excluded.profile, state = excluded.state,
    revision = conflicts.revision + 1, cycle_id = '', since = excluded.since,
    decided_by = excluded.decided_by, decided_at = excluded.decided_at, reason = excluded.reason
"""
"""The former owner's cycles still meet the person; that was decided by this."""
_LET_GO = """
UPDATE links SET user_id = NULL, kept = FALSE, absent_since = NULL
FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
WHERE links.user_id = c.user_id AND links.configuration_id = c.owner_id
"""
"""What was read stays known, so that the former owner's next cycle has nothing to say of it."""
_LINK = """
INSERT INTO links (account_id, configuration_id, external_id, user_id, group_scoped, kept, label)
SELECT :account, c.configuration_id, c.external_id, c.user_id, FALSE, FALSE, c.label
FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
WHERE TRUE
ON CONFLICT (configuration_id, external_id) DO UPDATE SET user_id = excluded.user_id,
    digest = NULL, mapped_digest = NULL, kept = FALSE, in_scope = FALSE, absent_since = NULL
"""
_OWN = """
UPDATE users SET configuration_id = c.configuration_id, updated_at = :now
FROM {chosen} AS p JOIN conflicts c ON c.id = p.id WHERE users.id = c.user_id
"""
_OTHERS_ANEW = """
UPDATE links SET digest = NULL WHERE digest IS NOT NULL AND (external_id, configuration_id) IN (
    SELECT k.external_id, k.configuration_id FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
    JOIN conflicts k ON k.user_id = c.user_id AND k.id <> c.id AND k.owner_id = c.owner_id)
"""
_READ_ALL = """
DELETE FROM watermarks WHERE configuration_id IN (
    SELECT k.configuration_id FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
    JOIN conflicts k ON k.user_id = c.user_id AND k.owner_id = c.owner_id)
"""
_OTHERS = """
UPDATE conflicts SET owner_id = c.configuration_id, state = :others,
    revision = conflicts.revision + 1, since = :now,
    decided_by = CASE WHEN :others = 'kept' THEN :by END,
    decided_at = CASE WHEN :others = 'kept' THEN CAST(:now AS double precision) END,
    reason = CASE WHEN :others = 'kept' THEN :reason END
FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
WHERE conflicts.user_id = c.user_id AND conflicts.id <> c.id AND conflicts.owner_id = c.owner_id
"""
_MANAGERS = """
DELETE FROM managers WHERE (configuration_id, external_id) IN (
    SELECT c.owner_id, l.external_id FROM {chosen} AS p JOIN conflicts c ON c.id = p.id
    JOIN links l ON l.user_id = c.user_id AND l.configuration_id = c.owner_id)
"""
_END = "DELETE FROM conflicts WHERE id IN (SELECT p.id FROM {chosen} AS p)"

MOVE = (
    _RECORD,
    _FORMER_OWNER,
    _MANAGERS,
    _LET_GO,
    _LINK,
    _OWN,
    _OTHERS_ANEW,
    _READ_ALL,
    _OTHERS,
    _END,
)
