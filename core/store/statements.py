"""The set-based statements that `core.store.applying` runs over the table ``decided``."""

from __future__ import annotations

from core.store.chat_invitations import QUEUE
from core.store.urls import Backend

TAKEN = """
SELECT d.external_id FROM decided d
JOIN staged_users s ON s.seq = d.seq
JOIN users u ON u.account_id = :account AND u.match_key = s.match_key AND u.id <> d.user_id
WHERE (d.action = 'create' OR d.rekey)
  AND NOT EXISTS (SELECT 1 FROM decided m WHERE m.user_id = u.id AND m.rekey)
UNION
SELECT d.external_id FROM decided d
JOIN staged_users s ON s.seq = d.seq
WHERE (d.action = 'create' OR d.rekey) AND s.match_key <> '' AND EXISTS (
    SELECT 1 FROM decided o JOIN staged_users t ON t.seq = o.seq
    WHERE (o.action = 'create' OR o.rekey) AND o.seq <> d.seq AND t.match_key = s.match_key)
"""

CREATED = """
SELECT d.external_id FROM decided d
JOIN links l ON l.configuration_id = :configuration AND l.external_id = d.external_id
WHERE d.action = 'create' AND l.user_id IS NOT NULL
"""

CREATE = """
INSERT INTO users (account_id, id, configuration_id, user_name, display_name, email, match_key,
    status, profile, created_at, updated_at)
SELECT :account, d.user_id, :configuration, s.user_name, s.display_name, s.email,
    nullif(s.match_key, ''), d.status, s.profile,
    CAST(:now AS double precision), CAST(:now AS double precision)
FROM decided d JOIN staged_users s ON s.seq = d.seq
WHERE d.action = 'create'
"""

CLEAR_KEYS = """
UPDATE users SET match_key = NULL WHERE id IN (SELECT user_id FROM decided WHERE rekey)
"""

SET_KEYS = """
UPDATE users SET match_key = nullif(s.match_key, '')
FROM decided d JOIN staged_users s ON s.seq = d.seq
WHERE users.id = d.user_id AND d.rekey
"""

WRITE = """
UPDATE users SET display_name = s.display_name, email = s.email, profile = s.profile,
    updated_at = :now
FROM decided d JOIN staged_users s ON s.seq = d.seq
WHERE users.id = d.user_id AND d.writes
"""

RENAME = """
UPDATE users SET user_name = s.user_name
FROM decided d JOIN staged_users s ON s.seq = d.seq
WHERE users.id = d.user_id AND d.writes AND users.user_name <> s.user_name
"""
"""Apart from `WRITE`, because SQLite writes the entry of an index whose column is named anew."""

OWN = """
UPDATE users SET configuration_id = :configuration
WHERE configuration_id IS NULL AND id IN (SELECT user_id FROM decided WHERE action = 'link')
"""

DISABLE = """
UPDATE users SET status_before = status, status = 'disabled', disabled_by = 'sync',
    disabled_at = :now, licensed = FALSE, updated_at = :now
WHERE id IN (SELECT user_id FROM decided WHERE action = 'disable')
"""

ENABLE = """
UPDATE users SET status = d.status, licensed = (d.status = 'active'), deleted_at = NULL,
    status_before = CASE WHEN d.status = 'disabled' THEN users.status_before END,
    disabled_by = CASE WHEN d.status = 'disabled' THEN users.disabled_by END,
    disabled_at = CASE WHEN d.status = 'disabled' THEN users.disabled_at END,
    updated_at = :now
FROM decided d
WHERE users.id = d.user_id AND d.action IN ('enable', 'restore') AND d.status IS NOT NULL
"""

DELETE = """
UPDATE users SET
    status_before = CASE WHEN status = 'disabled' THEN status_before ELSE status END,
    status = 'deleted', deleted_at = :now, licensed = FALSE, updated_at = :now,
    disabled_by = coalesce(disabled_by, 'sync'), disabled_at = coalesce(disabled_at, :now)
WHERE id IN (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NOT NULL)
"""

REVOKE = """
UPDATE invitations SET state_before = state, state = 'revoked',
    claimed_by = NULL, claimed_until = NULL
WHERE state IN ('staged', 'pending', 'sent', 'failed')
  AND user_id IN (SELECT user_id FROM decided WHERE action IN ('disable', 'delete'))
"""

REINSTATE = """
UPDATE invitations SET state_before = NULL, next_at = :send_at,
    state = CASE WHEN sent_at IS NOT NULL THEN 'sent' ELSE state_before END
WHERE state = 'revoked' AND state_before IS NOT NULL AND user_id IN (
    SELECT user_id FROM decided
    WHERE action IN ('enable', 'restore') AND status IN ('staged', 'invited', 'waiting'))
"""

OFFER_AGAIN = """
UPDATE invitations SET state = 'pending', attempts = 0, sent_at = NULL, next_at = :send_at,
    message_id = '<invitation-' || CAST(id AS text) || '.' || :cycle || '@dirsync>'
WHERE state = 'accepted' AND purpose = 'invitation' AND user_id IN (
    SELECT user_id FROM decided WHERE action IN ('enable', 'restore') AND status = 'invited')
"""

INVITE = """
INSERT INTO invitations (account_id, id, user_id, cycle_id, way, state, message_id, next_at,
    created_at)
SELECT :account, user_id + CAST(:offset AS bigint), user_id, :cycle, :way, :state,
    '<invitation-' || CAST(user_id + CAST(:offset AS bigint) AS text) || '.' || :cycle
        || '@dirsync>',
    CAST(:send_at AS double precision), CAST(:now AS double precision)
FROM decided WHERE action = 'create'
"""

CHATS = QUEUE.format(
    people="""(SELECT user_id AS id FROM decided WHERE action IN ('create', 'enable', 'restore'))"""
)

_SETTLE = """
INSERT INTO links (account_id, configuration_id, external_id, user_id, digest, mapped_digest,
    group_scoped, kept, in_scope, label)
SELECT :account, :configuration, d.external_id, d.user_id,
    CASE WHEN d.settles THEN s.digest END,
    CASE WHEN d.action IN ('create', 'link', 'update', 'enable', 'restore', 'agree')
        OR d.user_id IS NULL THEN s.mapped_digest END,
    s.group_scoped, d.kept, s.scope = 'in', d.label
FROM decided d JOIN staged_users s ON s.seq = d.seq
WHERE d.present AND d.readable AND (d.settles
    OR d.action IN ('create', 'link', 'update', 'enable', 'restore', 'agree', 'keep', 'disable'))
ON CONFLICT (configuration_id, external_id) DO UPDATE SET
    user_id = coalesce(excluded.user_id, links.user_id), digest = excluded.digest,
    mapped_digest = coalesce(excluded.mapped_digest, links.mapped_digest),
    group_scoped = excluded.group_scoped, kept = excluded.kept, absent_since = NULL,
    in_scope = links.in_scope OR excluded.in_scope,
    label = excluded.label
WHERE excluded.digest IS DISTINCT FROM links.digest
   OR excluded.mapped_digest IS DISTINCT FROM links.mapped_digest
   OR excluded.user_id IS DISTINCT FROM links.user_id
   OR excluded.group_scoped <> links.group_scoped OR excluded.kept <> links.kept
   OR links.absent_since IS NOT NULL OR excluded.label <> links.label
   OR (excluded.in_scope AND NOT links.in_scope)
"""
_SETTLE_SQLITE = _SETTLE.replace("IS DISTINCT FROM", "IS NOT")


def settle(backend: Backend) -> str:
    """Return the upsert of the links of people that were read.

    Only what the account took over counts as mapped, so that somebody who was passed over is
    compared again later.
    """
    return _SETTLE_SQLITE if backend == "sqlite" else _SETTLE


UNSETTLE = """
UPDATE links SET digest = NULL, absent_since = NULL
WHERE configuration_id = :configuration AND (digest IS NOT NULL OR absent_since IS NOT NULL)
  AND external_id IN (SELECT external_id FROM decided WHERE present AND NOT settles)
"""

IN_SCOPE = """
UPDATE links SET in_scope = TRUE
WHERE configuration_id = :configuration AND NOT in_scope AND external_id IN (
    SELECT d.external_id FROM decided d JOIN staged_users s ON s.seq = d.seq
    WHERE d.present AND d.readable AND NOT d.settles AND s.scope = 'in')
"""
"""Once somebody was in scope, leaving it is no work of the last edit of the scope."""

MISS = """
UPDATE links SET digest = NULL, absent_since = coalesce(absent_since, :now)
WHERE configuration_id = :configuration AND (digest IS NOT NULL OR absent_since IS NULL)
  AND external_id IN (SELECT external_id FROM decided
      WHERE NOT present AND user_id IS NOT NULL)
"""

FORGET = """
DELETE FROM links
WHERE configuration_id = :configuration AND user_id IS NULL
  AND external_id IN (SELECT external_id FROM decided WHERE NOT present)
"""

CHANGES = """
INSERT INTO changes (account_id, id, cycle_id, configuration_id, kind, external_id, action,
    result, label, reason, before, after, at)
SELECT :account, d.change_id, :cycle, :configuration, 'user', d.external_id, d.action, d.result,
    d.label, d.reason, coalesce(d.before, '{}'),
    CASE WHEN d.action = 'create' THEN s.profile ELSE coalesce(d.after, '{}') END,
    CAST(:now AS double precision)
FROM decided d LEFT JOIN staged_users s ON s.seq = d.seq
WHERE d.change_id IS NOT NULL
ON CONFLICT DO NOTHING
"""

PROBLEMS = """
INSERT INTO problems (account_id, id, cycle_id, configuration_id, external_id, label, severity,
    code, message, attribute, value_kind, hint)
SELECT :account, n, :cycle, :configuration, external_id, label, severity, code, message,
    attribute, value_kind, hint
FROM {source} AS p
"""

PLAN = """
INSERT INTO plan_items (account_id, id, cycle_id, kind, action, label, external_id, reason)
SELECT :account, n, :cycle, kind, action, label, external_id, reason FROM {source} AS p
"""

_ERASE = (
    """
DELETE FROM personal_cycles WHERE configuration_id = :configuration AND (
    external_id IN <erased> OR lower(asked) IN (
        SELECT lower(u.email) FROM users u JOIN decided d ON d.user_id = u.id
        WHERE d.action = 'delete' AND d.status IS NULL))
""",
    """
UPDATE changes SET label = '', before = '{}', after = '{}',
    external_id = 'erased-' || CAST(d.user_id AS text)
FROM decided d
WHERE changes.configuration_id = :configuration AND changes.kind = 'user'
  AND changes.external_id = d.external_id AND d.action = 'delete' AND d.status IS NULL
""",
    """
DELETE FROM problems WHERE configuration_id = :configuration AND external_id IN <erased>
""",
    """
UPDATE plan_items SET label = '', external_id = ''
WHERE external_id IN <erased>
  AND cycle_id IN (SELECT id FROM cycles WHERE configuration_id = :configuration)
""",
    """
UPDATE held_items SET label = '', external_id = ''
WHERE external_id IN <erased>
  AND held_set_id IN (SELECT id FROM held_sets WHERE configuration_id = :configuration)
""",
    """
UPDATE groups SET member_digest = '' WHERE configuration_id = :configuration AND id IN (
    SELECT group_id FROM memberships
    WHERE configuration_id = :configuration AND external_id IN <erased>)
""",
    """
DELETE FROM memberships WHERE configuration_id = :configuration AND external_id IN <erased>
""",
    """
DELETE FROM rejections WHERE configuration_id = :configuration AND external_id IN <erased>
""",
    """
DELETE FROM managers WHERE configuration_id = :configuration AND external_id IN <erased>
""",
    """
UPDATE managers SET manager_id = NULL WHERE manager_id IN
    (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL)
""",
    """
DELETE FROM invitation_tokens WHERE invitation_id IN (SELECT id FROM invitations WHERE user_id IN
    (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL))
""",
    """
DELETE FROM invitation_chats WHERE invitation_id IN (SELECT id FROM invitations WHERE user_id IN
    (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL))
""",
    """
DELETE FROM invitations WHERE user_id IN
    (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL)
""",
    """
DELETE FROM license_questions WHERE user_id IN
    (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL)
""",
    """
DELETE FROM links WHERE configuration_id = :configuration AND external_id IN <erased>
""",
    """
DELETE FROM drafts WHERE account_id = :account AND id IN (
    SELECT f.id FROM drafts f JOIN decided d ON d.action = 'delete' AND d.status IS NULL
    JOIN users u ON u.id = d.user_id
    WHERE u.email <> '' AND lower(f.document) LIKE '%' || lower(u.email) || '%')
""",
    """
DELETE FROM users WHERE id IN
    (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL)
""",
)
_FORMER = (
    """
UPDATE changes SET label = '', before = '{}', after = '{}',
    external_id = 'erased-' || CAST(d.user_id AS text)
FROM moves m JOIN decided d ON d.user_id = m.user_id
WHERE changes.configuration_id = m.from_id AND changes.kind = 'user' AND changes.at <= m.at
  AND changes.external_id = m.external_id AND d.action = 'delete' AND d.status IS NULL
""",
    """
DELETE FROM problems WHERE id IN (SELECT p.id FROM <former>
    JOIN problems p ON p.cycle_id = c.id AND p.external_id = m.external_id WHERE <erased>)
""",
    """
UPDATE plan_items SET label = '', external_id = '' WHERE id IN (SELECT p.id FROM <former>
    JOIN plan_items p ON p.cycle_id = c.id AND p.external_id = m.external_id WHERE <erased>)
""",
    """
UPDATE held_items SET label = '', external_id = '' WHERE (held_set_id, position) IN (
    SELECT i.held_set_id, i.position FROM <former>
    JOIN held_sets h ON h.cycle_id = c.id
    JOIN held_items i ON i.held_set_id = h.id AND i.external_id = m.external_id WHERE <erased>)
""",
    """
DELETE FROM moves WHERE user_id IN
    (SELECT user_id FROM decided WHERE action = 'delete' AND status IS NULL)
""",
)
_MOVED = """decided d JOIN moves m ON m.user_id = d.user_id
    JOIN cycles c ON c.configuration_id = m.from_id AND c.requested_at <= m.at"""
ERASE_FORMER = tuple(
    statement.replace("<former>", _MOVED).replace(
        "<erased>", "d.action = 'delete' AND d.status IS NULL"
    )
    for statement in _FORMER
)
"""What erases people from the history of those who owned them before."""
_ERASED = "(SELECT external_id FROM decided WHERE action = 'delete' AND status IS NULL)"

ERASE = tuple(statement.replace("<erased>", _ERASED) for statement in _ERASE)
"""What erases people for good, from the history too."""
