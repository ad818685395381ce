"""The tables, for both databases.

Times are seconds since 1970 as double precision; JSON is text; a match key is the normalised
matching attribute, or NULL where a person has none. Every row carries the account that it belongs
to. Bulk tables have no foreign keys, because a check a row costs more than the row.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, Table, Text

import core.store.notice_tables
import core.store.ownership_tables  # noqa: F401 - its tables are part of the schema
from core.store.columns import BIG as _BIG
from core.store.columns import account as _account
from core.store.columns import count as _count
from core.store.columns import flag as _flag
from core.store.columns import key_id as _id
from core.store.columns import maybe as _maybe
from core.store.columns import maybe_time as _maybe_time
from core.store.columns import metadata
from core.store.columns import text as _text
from core.store.columns import time as _time
from core.store.columns import where as _where
from core.store.invitation_tables import invitation_chats
from core.store.license_tables import license_questions, license_reserves

__all__ = ("invitation_chats", "license_questions", "license_reserves", "metadata")

configurations = Table(
    "configurations",
    metadata,
    _account(),
    _text("id", key=True),
    _text("name"),
    _text("name_key"),
    _text("document"),
    Column("enabled", Boolean, nullable=False, server_default=sa.true()),
    _count("revision", "1"),
    _count("scope_revision", "1"),
    _maybe("previous_scope"),
    _maybe("decoder_revision"),
    _maybe("stopped_reason"),
    _count("failures"),
    _maybe_time("last_success_at"),
    Column("picked_canaries", Text, nullable=False, server_default=sa.text("'[]'")),
    _time("created_at"),
    _text("created_by"),
    _maybe_time("disabled_at"),
    _maybe("disabled_by"),
    _maybe("disabled_reason"),
    _maybe_time("deleted_at"),
    _maybe_time("failing_since"),
    _maybe_time("failed_at"),
    Index("uq_configurations_name_key", "account_id", "name_key", unique=True),
)

configuration_revisions = Table(
    "configuration_revisions",
    metadata,
    _account(),
    Column("configuration_id", Text, sa.ForeignKey("configurations.id"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    _time("at"),
    _text("by"),
)

users = Table(
    "users",
    metadata,
    _account(),
    _id(),
    _maybe("configuration_id"),
    _text("user_name"),
    _text("display_name"),
    _text("email"),
    _maybe("match_key"),
    _text("status"),
    _maybe("status_before"),
    _maybe("disabled_by"),
    _maybe_time("disabled_at"),
    _maybe_time("deleted_at"),
    _flag("protected"),
    _flag("licensed"),
    Column("place", _BIG, nullable=True),
    _maybe_time("activated_at"),
    _text("profile"),
    _time("created_at"),
    _time("updated_at"),
    _maybe_time("last_login_at"),
    Index(
        "uq_users_match_key",
        "account_id",
        "match_key",
        unique=True,
        **_where("match_key IS NOT NULL"),
    ),
    Index("ix_users_configuration_id_status", "configuration_id", "status"),
    Index("ix_users_licensed", "account_id", **_where("licensed")),
    Index("ix_users_waiting", "account_id", "place", **_where("status = 'waiting'")),
    Index("ix_users_protected", "configuration_id", **_where("protected")),
    Index("ix_users_user_name", "account_id", sa.text("lower(user_name)")),
)

groups = Table(
    "groups",
    metadata,
    _account(),
    _id(),
    _text("configuration_id"),
    _text("external_id"),
    _text("display_name"),
    _text("member_digest"),
    _count("members"),
    _time("created_at"),
    _time("updated_at"),
    Index("uq_groups_external_id", "configuration_id", "external_id", unique=True),
)

memberships = Table(
    "memberships",
    metadata,
    _account(),
    Column("group_id", _BIG, primary_key=True, autoincrement=False),
    _text("external_id", key=True),
    _text("configuration_id"),
    Index("ix_memberships_external_id", "configuration_id", "external_id"),
    sqlite_with_rowid=False,
)

cycles = Table(
    "cycles",
    metadata,
    _account(),
    _text("id", key=True),
    _text("configuration_id"),
    _text("state"),
    _text("trigger"),
    _flag("dry_run"),
    _text("requested_by"),
    _text("requested_by_name"),
    _time("requested_at"),
    _maybe("channel"),
    _maybe("result"),
    _maybe_time("started_at"),
    _maybe_time("finished_at"),
    _maybe("error"),
    _maybe("proof"),
    _maybe("progress"),
    _maybe("counts"),
    _maybe("held_set_id"),
    _maybe("bound_plan"),
    _maybe("cancel_requested_by"),
    _maybe("plan_digest"),
    _count("requests"),
    _count("resumed"),
    _maybe("postponed"),
    Index("uq_cycles_open", "configuration_id", unique=True, **_where("state <> 'finished'")),
    Index("ix_cycles_requested_at", "account_id", "requested_at"),
    Index("ix_cycles_configuration_id", "configuration_id", "requested_at"),
)

leases = Table(
    "leases",
    metadata,
    _account(),
    Column("cycle_id", Text, sa.ForeignKey("cycles.id"), primary_key=True),
    _text("owner"),
    _count("epoch", "1"),
    _time("expires_at"),
)

changes = Table(
    "changes",
    metadata,
    _account(),
    _id(),
    _text("cycle_id"),
    _text("configuration_id"),
    _text("kind"),
    _text("external_id"),
    _text("action"),
    _text("result"),
    _text("label"),
    _text("reason"),
    _text("before"),
    _text("after"),
    _time("at"),
    Index("uq_changes_once", "external_id", "cycle_id", "kind", "action", unique=True),
    Index("ix_changes_cycle_id", "cycle_id", "kind", "action"),
    Index(
        "ix_changes_removals", "configuration_id", "at", **_where("action IN ('disable', 'delete')")
    ),
)

plan_items = Table(
    "plan_items",
    metadata,
    _account(),
    _id(),
    _text("cycle_id"),
    _text("kind"),
    _text("action"),
    _text("label"),
    _text("external_id"),
    _text("reason"),
    Index("ix_plan_items_cycle_id", "cycle_id"),
)

problems = Table(
    "problems",
    metadata,
    _account(),
    _id(),
    _text("cycle_id"),
    _text("configuration_id"),
    _text("external_id"),
    _text("label"),
    _text("severity"),
    _text("code"),
    _text("message"),
    _text("attribute"),
    _text("value_kind"),
    _text("hint"),
    Index("ix_problems_cycle_id", "cycle_id", "external_id"),
)

links = Table(
    "links",
    metadata,
    _account(),
    Column("seq", _BIG, primary_key=True, autoincrement=True),
    _text("configuration_id"),
    _text("external_id"),
    Column("user_id", _BIG, nullable=True),
    Column("digest", LargeBinary, nullable=True),
    Column("mapped_digest", LargeBinary, nullable=True),
    _flag("group_scoped"),
    _flag("kept"),
    _flag("in_scope"),
    _maybe_time("absent_since"),
    _text("label"),
    Index("uq_links_external_id", "external_id", "configuration_id", unique=True),
    Index("ix_links_user_id", "user_id"),
    Index("ix_links_unsettled", "configuration_id", "seq", **_where("digest IS NULL")),
    Index("ix_links_kept", "configuration_id", **_where("kept")),
    Index("ix_links_scoped", "configuration_id", "external_id", **_where("group_scoped")),
)

staged_users = Table(
    "staged_users",
    metadata,
    _account(),
    Column("seq", _BIG, primary_key=True, autoincrement=True),
    _text("cycle_id"),
    _text("external_id"),
    Column("digest", LargeBinary, nullable=False),
    Column("mapped_digest", LargeBinary, nullable=False),
    _text("match_key"),
    _text("user_name"),
    _text("display_name"),
    _text("email"),
    Column("active", Boolean, nullable=False),
    Column("readable", Boolean, nullable=False),
    _text("scope"),
    Column("group_scoped", Boolean, nullable=False),
    _text("profile"),
    _text("problems"),
    _count("twins", "1"),
    _flag("moving"),
    _flag("newcomer"),
    Index("ix_staged_users_others", "cycle_id", "seq", **_where("NOT newcomer")),
)

staged_unmet = Table(
    "staged_unmet",
    metadata,
    _account(),
    _text("cycle_id", key=True),
    Column("digest", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

held_sets = Table(
    "held_sets",
    metadata,
    _account(),
    _text("id", key=True),
    _text("configuration_id"),
    _text("cycle_id"),
    _text("state"),
    _text("digest"),
    _count("size"),
    Column("removal_limit", Integer, nullable=False),
    Column("provisioned", Integer, nullable=False),
    _text("reason"),
    _time("created_at"),
    _time("expires_at"),
    _text("requested_by"),
    _maybe("decided_by"),
    _maybe_time("decided_at"),
    _maybe("channel"),
    _maybe("decided_reason"),
    Index("uq_held_sets_open", "configuration_id", unique=True, **_where("state = 'open'")),
)

held_items = Table(
    "held_items",
    metadata,
    _account(),
    Column("held_set_id", Text, sa.ForeignKey("held_sets.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("kind"),
    _text("external_id"),
    _text("label"),
    _text("action"),
    _text("reason"),
)

rejections = Table(
    "rejections",
    metadata,
    _account(),
    _text("configuration_id", key=True),
    _text("external_id", key=True),
    _text("held_set_id"),
    _time("at"),
)

invitations = Table(
    "invitations",
    metadata,
    _account(),
    _id(),
    Column("user_id", _BIG, nullable=False),
    _text("cycle_id"),
    _text("way"),
    Column("purpose", Text, nullable=False, server_default=sa.text("'invitation'")),
    _text("state"),
    _maybe("state_before"),
    _text("message_id"),
    _count("attempts"),
    _time("next_at"),
    _maybe("claimed_by"),
    _maybe_time("claimed_until"),
    _maybe_time("sent_at"),
    _maybe("error"),
    _maybe("detail"),
    _maybe_time("begun_at"),
    _time("created_at"),
    Index("ix_invitations_user_id", "user_id"),
    Index("ix_invitations_due", "next_at", **_where("state = 'pending'")),
    Index("ix_invitations_cycle_id", "cycle_id"),
    Index("ix_invitations_begun_at", "begun_at", **_where("begun_at IS NOT NULL")),
    Index("ix_invitations_failed", "account_id", **_where("state = 'failed'")),
)

invitation_tokens = Table(
    "invitation_tokens",
    metadata,
    _account(),
    Column("token_hash", LargeBinary, primary_key=True),
    Column("invitation_id", _BIG, nullable=False),
    _time("expires_at"),
    Index("ix_invitation_tokens_invitation_id", "invitation_id"),
)

license_pool = Table(
    "license_pool",
    metadata,
    _account(key=True),
    _count("total"),
    Column("policy", Text, nullable=False, server_default=sa.text("'ask'")),
    _count("alerted"),
)

outbox = Table(
    "outbox",
    metadata,
    _account(),
    _id(),
    _text("key"),
    _text("stream"),
    _text("kind"),
    _text("subject"),
    _maybe("channel"),
    _text("payload"),
    _maybe("copy_of"),
    _text("state"),
    _count("version", "1"),
    Column("claimed_version", Integer, nullable=True),
    _maybe("claimed_by"),
    _maybe_time("claimed_until"),
    _count("attempts"),
    _time("next_at"),
    _maybe("error"),
    _time("created_at"),
    Index("uq_outbox_key", "account_id", "key", unique=True),
    Index("ix_outbox_copy_of", "account_id", "copy_of", **_where("copy_of IS NOT NULL")),
    Index("ix_outbox_pending", "stream", "id", **_where("state = 'pending'")),
)

deliveries = Table(
    "deliveries",
    metadata,
    _account(key=True),
    _text("key", key=True),
    _text("channel"),
    _text("ts"),
    _text("shown"),
    _maybe("undeliverable"),
    _time("updated_at"),
)

inbox = Table(
    "inbox",
    metadata,
    _account(key=True),
    _text("key", key=True),
    _time("at"),
    Index("ix_inbox_at", "at"),
)

audit = Table(
    "audit",
    metadata,
    _account(key=True),
    _id("seq"),
    _time("at"),
    _text("actor"),
    _text("door"),
    _text("action"),
    _text("subject"),
    Column("allowed", Boolean, nullable=False),
    _text("detail"),
    _text("reason"),
    _text("before"),
    _text("after"),
    _text("previous"),
    _text("hash"),
    Index("ix_audit_at", "account_id", "at"),
)

watermarks = Table(
    "watermarks",
    metadata,
    _account(),
    _text("configuration_id", key=True),
    _text("mark"),
    _text("basis"),
    _text("cycle_id"),
    _time("full_at"),
    Column("people", Integer, nullable=True),
    Column("nested", Text, nullable=False, server_default=sa.text("'[]'")),
)

cycle_readings = Table(
    "cycle_readings",
    metadata,
    _account(),
    _text("cycle_id", key=True),
    _text("configuration_id"),
    _flag("wanted_full"),
    _maybe("kind"),
    _text("note"),
)

slots = Table(
    "slots",
    metadata,
    _account(),
    _text("configuration_id", key=True),
    Column("slot", Double, primary_key=True),
    _maybe("cycle_id"),
    _flag("skipped"),
    _time("offered_at"),
)

settings = Table("settings", metadata, _account(key=True), _text("key", key=True), _text("value"))

id_blocks = Table(
    "id_blocks",
    metadata,
    _account(),
    _text("name", key=True),
    Column("next_id", _BIG, nullable=False),
)

role_grants = Table(
    "role_grants",
    metadata,
    _account(key=True),
    _text("subject_kind", key=True),
    _text("subject_id", key=True),
    _text("role"),
    _text("name"),
    _text("granted_by"),
    _time("granted_at"),
)

app_tokens = Table(
    "app_tokens",
    metadata,
    _account(),
    _id(),
    _text("name"),
    Column("token_hash", LargeBinary, nullable=False),
    _time("created_at"),
    _text("created_by"),
    _maybe_time("last_used_at"),
    _maybe_time("revoked_at"),
    Index("uq_app_tokens_token_hash", "token_hash", unique=True),
    Index("uq_app_tokens_name", "account_id", "name", unique=True, **_where("revoked_at IS NULL")),
)

secrets = Table(
    "secrets",
    metadata,
    _account(),
    _text("id", key=True),
    _text("sealed"),
    _time("created_at"),
    _text("created_by"),
)

drafts = Table(
    "drafts",
    metadata,
    _account(),
    _text("id", key=True),
    _text("owner"),
    _text("about"),
    _count("revision"),
    _text("document"),
    _time("updated_at"),
    Index("uq_drafts_about", "account_id", "owner", "about", unique=True),
)

personal_cycles = Table(
    "personal_cycles",
    metadata,
    _account(),
    _text("cycle_id", key=True),
    _text("configuration_id"),
    _text("asked"),
    _maybe("external_id"),
    _text("steps"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    _account(key=True),
    Column("seq", _BIG, nullable=False),
    _text("hash"),
)

alert_marks = Table(
    "alert_marks",
    metadata,
    _account(key=True),
    _text("key", key=True),
    _text("by"),
    _time("at"),
    _maybe_time("until"),
)

license_days = Table(
    "license_days",
    metadata,
    _account(key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("total", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
)

managers = Table(
    "managers",
    metadata,
    _account(),
    _text("configuration_id", key=True),
    _text("external_id", key=True),
    _text("wanted"),
    _text("wanted_key"),
    Column("manager_id", _BIG, nullable=True),
    _maybe("cycle_id"),
    Index("ix_managers_wanted_key", "configuration_id", "wanted_key"),
    Index("ix_managers_manager_id", "manager_id"),
    sqlite_with_rowid=False,
)
