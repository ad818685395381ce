"""The first schema."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Make every table."""
    _audit()
    _changes()
    _configurations()
    _cycles()
    _deliveries()
    _groups()
    _held_sets()
    _id_blocks()
    _inbox()
    _invitation_tokens()
    _invitations()
    _license_pool()
    _links()
    _memberships()
    _outbox()
    _plan_items()
    _problems()
    _rejections()
    _settings()
    _slots()
    _staged_unmet()
    _staged_users()
    _users()
    _configuration_revisions()
    _held_items()
    _leases()


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("seq", _BIG, nullable=False, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        *_texts("actor", "door", "action", "subject"),
        sa.Column("allowed", sa.Boolean, nullable=False),
        *_texts("detail", "reason", "before", "after", "previous", "hash"),
        sa.PrimaryKeyConstraint("account_id", "seq", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["account_id", "at"])


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        *_texts(
            "cycle_id",
            "configuration_id",
            "kind",
            "external_id",
            "action",
            "result",
            "label",
            "reason",
            "before",
            "after",
        ),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
    )
    op.create_index("ix_changes_cycle_id", "changes", ["cycle_id", "kind", "action"])
    op.create_index(
        "ix_changes_removals",
        "changes",
        ["configuration_id", "at"],
        sqlite_where=sa.text("action IN ('disable', 'delete')"),
        postgresql_where=sa.text("action IN ('disable', 'delete')"),
    )
    op.create_index(
        "uq_changes_once", "changes", ["external_id", "cycle_id", "kind", "action"], unique=True
    )


def _configurations() -> None:
    op.create_table(
        "configurations",
        *_texts("account_id", "id", "name", "name_key", "document"),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("scope_revision", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("previous_scope", sa.Text, nullable=True),
        sa.Column("decoder_revision", sa.Text, nullable=True),
        sa.Column("stopped_reason", sa.Text, nullable=True),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("last_success_at", sa.Double, nullable=True),
        sa.Column("picked_canaries", sa.Text, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("disabled_at", sa.Double, nullable=True),
        sa.Column("disabled_by", sa.Text, nullable=True),
        sa.Column("disabled_reason", sa.Text, nullable=True),
        sa.Column("deleted_at", sa.Double, nullable=True),
        sa.Column("failing_since", sa.Double, nullable=True),
        sa.Column("failed_at", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_configurations"),
    )
    op.create_index(
        "uq_configurations_name_key", "configurations", ["account_id", "name_key"], unique=True
    )


def _cycles() -> None:
    op.create_table(
        "cycles",
        *_texts("account_id", "id", "configuration_id", "state", "trigger"),
        sa.Column("dry_run", sa.Boolean, nullable=False, server_default=sa.false()),
        *_texts("requested_by", "requested_by_name"),
        sa.Column("requested_at", sa.Double, nullable=False),
        sa.Column("channel", sa.Text, nullable=True),
        sa.Column("result", sa.Text, nullable=True),
        sa.Column("started_at", sa.Double, nullable=True),
        sa.Column("finished_at", sa.Double, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("proof", sa.Text, nullable=True),
        sa.Column("progress", sa.Text, nullable=True),
        sa.Column("counts", sa.Text, nullable=True),
        sa.Column("held_set_id", sa.Text, nullable=True),
        sa.Column("bound_plan", sa.Text, nullable=True),
        sa.Column("cancel_requested_by", sa.Text, nullable=True),
        sa.Column("plan_digest", sa.Text, nullable=True),
        sa.Column("requests", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("resumed", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("postponed", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cycles"),
    )
    op.create_index("ix_cycles_configuration_id", "cycles", ["configuration_id", "requested_at"])
    op.create_index("ix_cycles_requested_at", "cycles", ["account_id", "requested_at"])
    op.create_index(
        "uq_cycles_open",
        "cycles",
        ["configuration_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'finished'"),
        postgresql_where=sa.text("state <> 'finished'"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        *_texts("account_id", "key", "channel", "ts", "shown"),
        sa.Column("undeliverable", sa.Text, nullable=True),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_deliveries"),
    )


def _groups() -> None:
    op.create_table(
        "groups",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        *_texts("configuration_id", "external_id", "display_name", "member_digest"),
        sa.Column("members", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_groups"),
    )
    op.create_index(
        "uq_groups_external_id", "groups", ["configuration_id", "external_id"], unique=True
    )


def _held_sets() -> None:
    op.create_table(
        "held_sets",
        *_texts("account_id", "id", "configuration_id", "cycle_id", "state", "digest"),
        sa.Column("size", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("removal_limit", sa.Integer, nullable=False),
        sa.Column("provisioned", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=True),
        sa.Column("decided_at", sa.Double, nullable=True),
        sa.Column("channel", sa.Text, nullable=True),
        sa.Column("decided_reason", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_held_sets"),
    )
    op.create_index(
        "uq_held_sets_open",
        "held_sets",
        ["configuration_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _id_blocks() -> None:
    op.create_table(
        "id_blocks",
        *_texts("account_id", "name"),
        sa.Column("next_id", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_id_blocks"),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        *_texts("account_id", "key"),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_inbox"),
    )
    op.create_index("ix_inbox_at", "inbox", ["at"])


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        sa.Column("user_id", _BIG, nullable=False),
        *_texts("cycle_id", "way"),
        sa.Column("purpose", sa.Text, nullable=False, server_default=sa.text("'invitation'")),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("state_before", sa.Text, nullable=True),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("claimed_by", sa.Text, nullable=True),
        sa.Column("claimed_until", sa.Double, nullable=True),
        sa.Column("sent_at", sa.Double, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("detail", sa.Text, nullable=True),
        sa.Column("begun_at", sa.Double, nullable=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
    )
    op.create_index("ix_invitations_cycle_id", "invitations", ["cycle_id"])
    op.create_index(
        "ix_invitations_due",
        "invitations",
        ["next_at"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_invitations_begun_at",
        "invitations",
        ["begun_at"],
        sqlite_where=sa.text("begun_at IS NOT NULL"),
        postgresql_where=sa.text("begun_at IS NOT NULL"),
    )
    op.create_index(
        "ix_invitations_failed",
        "invitations",
        ["account_id"],
        sqlite_where=sa.text("state = 'failed'"),
        postgresql_where=sa.text("state = 'failed'"),
    )
    op.create_index("ix_invitations_user_id", "invitations", ["user_id"])


def _invitation_tokens() -> None:
    op.create_table(
        "invitation_tokens",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("invitation_id", _BIG, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_invitation_tokens"),
    )
    op.create_index("ix_invitation_tokens_invitation_id", "invitation_tokens", ["invitation_id"])


def _license_pool() -> None:
    op.create_table(
        "license_pool",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("total", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("policy", sa.Text, nullable=False, server_default=sa.text("'ask'")),
        sa.Column("alerted", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("account_id", name="pk_license_pool"),
    )


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("seq", _BIG, nullable=False, autoincrement=True),
        *_texts("configuration_id", "external_id"),
        sa.Column("user_id", _BIG, nullable=True),
        sa.Column("digest", sa.LargeBinary, nullable=True),
        sa.Column("mapped_digest", sa.LargeBinary, nullable=True),
        sa.Column("group_scoped", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("kept", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("in_scope", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("absent_since", sa.Double, nullable=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_links"),
    )
    op.create_index("ix_links_user_id", "links", ["user_id"])
    op.create_index(
        "ix_links_unsettled",
        "links",
        ["configuration_id", "seq"],
        sqlite_where=sa.text("digest IS NULL"),
        postgresql_where=sa.text("digest IS NULL"),
    )
    op.create_index(
        "ix_links_kept",
        "links",
        ["configuration_id"],
        sqlite_where=sa.text("kept"),
        postgresql_where=sa.text("kept"),
    )
    op.create_index(
        "ix_links_scoped",
        "links",
        ["configuration_id", "external_id"],
        sqlite_where=sa.text("group_scoped"),
        postgresql_where=sa.text("group_scoped"),
    )
    op.create_index(
        "uq_links_external_id", "links", ["external_id", "configuration_id"], unique=True
    )


def _memberships() -> None:
    op.create_table(
        "memberships",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("group_id", _BIG, nullable=False, autoincrement=False),
        *_texts("external_id", "configuration_id"),
        sa.PrimaryKeyConstraint("group_id", "external_id", name="pk_memberships"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_memberships_external_id", "memberships", ["configuration_id", "external_id"]
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        *_texts("key", "stream", "kind", "subject"),
        sa.Column("channel", sa.Text, nullable=True),
        sa.Column("copy_of", sa.Text, nullable=True),
        *_texts("payload", "state"),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("claimed_version", sa.Integer, nullable=True),
        sa.Column("claimed_by", sa.Text, nullable=True),
        sa.Column("claimed_until", sa.Double, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["stream", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("uq_outbox_key", "outbox", ["account_id", "key"], unique=True)
    op.create_index(
        "ix_outbox_copy_of",
        "outbox",
        ["account_id", "copy_of"],
        sqlite_where=sa.text("copy_of IS NOT NULL"),
        postgresql_where=sa.text("copy_of IS NOT NULL"),
    )


def _plan_items() -> None:
    op.create_table(
        "plan_items",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        *_texts("cycle_id", "kind", "action", "label", "external_id", "reason"),
        sa.PrimaryKeyConstraint("id", name="pk_plan_items"),
    )
    op.create_index("ix_plan_items_cycle_id", "plan_items", ["cycle_id"])


def _problems() -> None:
    op.create_table(
        "problems",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        *_texts(
            "cycle_id",
            "configuration_id",
            "external_id",
            "label",
            "severity",
            "code",
            "message",
            "attribute",
            "value_kind",
            "hint",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_problems"),
    )
    op.create_index("ix_problems_cycle_id", "problems", ["cycle_id", "external_id"])


def _rejections() -> None:
    op.create_table(
        "rejections",
        *_texts("account_id", "configuration_id", "external_id", "held_set_id"),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("configuration_id", "external_id", name="pk_rejections"),
    )


def _settings() -> None:
    op.create_table(
        "settings",
        *_texts("account_id", "key", "value"),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_settings"),
    )


def _slots() -> None:
    op.create_table(
        "slots",
        *_texts("account_id", "configuration_id"),
        sa.Column("slot", sa.Double, nullable=False),
        sa.Column("cycle_id", sa.Text, nullable=True),
        sa.Column("skipped", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("offered_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("configuration_id", "slot", name="pk_slots"),
    )


def _staged_unmet() -> None:
    op.create_table(
        "staged_unmet",
        *_texts("account_id", "cycle_id"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("cycle_id", "digest", name="pk_staged_unmet"),
        sqlite_with_rowid=False,
    )


def _staged_users() -> None:
    op.create_table(
        "staged_users",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("seq", _BIG, nullable=False, autoincrement=True),
        *_texts("cycle_id", "external_id"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("mapped_digest", sa.LargeBinary, nullable=False),
        *_texts("match_key", "user_name", "display_name", "email"),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("readable", sa.Boolean, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("group_scoped", sa.Boolean, nullable=False),
        *_texts("profile", "problems"),
        sa.Column("twins", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("moving", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("newcomer", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("seq", name="pk_staged_users"),
    )
    op.create_index(
        "ix_staged_users_others",
        "staged_users",
        ["cycle_id", "seq"],
        sqlite_where=sa.text("NOT newcomer"),
        postgresql_where=sa.text("NOT newcomer"),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        sa.Column("configuration_id", sa.Text, nullable=True),
        *_texts("user_name", "display_name", "email"),
        sa.Column("match_key", sa.Text, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_before", sa.Text, nullable=True),
        sa.Column("disabled_by", sa.Text, nullable=True),
        sa.Column("disabled_at", sa.Double, nullable=True),
        sa.Column("deleted_at", sa.Double, nullable=True),
        sa.Column("protected", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("licensed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("place", _BIG, nullable=True),
        sa.Column("activated_at", sa.Double, nullable=True),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("last_login_at", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_index("ix_users_configuration_id_status", "users", ["configuration_id", "status"])
    op.create_index(
        "ix_users_licensed",
        "users",
        ["account_id"],
        sqlite_where=sa.text("licensed"),
        postgresql_where=sa.text("licensed"),
    )
    op.create_index(
        "ix_users_waiting",
        "users",
        ["account_id", "place"],
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index("ix_users_user_name", "users", ["account_id", sa.text("lower(user_name)")])
    op.create_index(
        "uq_users_match_key",
        "users",
        ["account_id", "match_key"],
        unique=True,
        sqlite_where=sa.text("match_key IS NOT NULL"),
        postgresql_where=sa.text("match_key IS NOT NULL"),
    )


def _configuration_revisions() -> None:
    op.create_table(
        "configuration_revisions",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column(
            "configuration_id",
            sa.Text,
            sa.ForeignKey("configurations.id", name="fk_configuration_revisions_configuration_id"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("configuration_id", "revision", name="pk_configuration_revisions"),
    )


def _held_items() -> None:
    op.create_table(
        "held_items",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column(
            "held_set_id",
            sa.Text,
            sa.ForeignKey("held_sets.id", name="fk_held_items_held_set_id"),
            nullable=False,
        ),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        *_texts("kind", "external_id", "label", "action", "reason"),
        sa.PrimaryKeyConstraint("held_set_id", "position", name="pk_held_items"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column(
            "cycle_id",
            sa.Text,
            sa.ForeignKey("cycles.id", name="fk_leases_cycle_id"),
            nullable=False,
        ),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("cycle_id", name="pk_leases"),
    )
