"""Running it from chat: roles, drafts, secrets, applications, marks, deltas, the audit's head."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    _watermarks()
    _cycle_readings()
    _secrets()
    _drafts()
    _role_grants()
    _app_tokens()
    _personal_cycles()
    _audit_heads()
    _alert_marks()
    _license_days()
    _home_viewers()
    _managers()
    _invitation_chats()
    _conflicts()
    _moves()
    _license_reserves()
    _license_questions()
    _protected()
    _subscriptions()
    _lost_channels()


def _watermarks() -> None:
    op.create_table(
        "watermarks",
        *_texts("account_id", "configuration_id", "mark", "basis", "cycle_id"),
        sa.Column("full_at", sa.Double, nullable=False),
        sa.Column("people", sa.Integer, nullable=True),
        sa.Column("nested", sa.Text, nullable=False, server_default=sa.text("'[]'")),
        sa.PrimaryKeyConstraint("configuration_id", name="pk_watermarks"),
    )


def _cycle_readings() -> None:
    op.create_table(
        "cycle_readings",
        *_texts("account_id", "cycle_id", "configuration_id", "note"),
        sa.Column("wanted_full", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("kind", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("cycle_id", name="pk_cycle_readings"),
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        *_texts("account_id", "id", "sealed"),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
    )


def _drafts() -> None:
    op.create_table(
        "drafts",
        *_texts("account_id", "id", "owner", "about"),
        sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
    )
    op.create_index("uq_drafts_about", "drafts", ["account_id", "owner", "about"], unique=True)


def _role_grants() -> None:
    op.create_table(
        "role_grants",
        *_texts("account_id", "subject_kind", "subject_id", "role", "name", "granted_by"),
        sa.Column("granted_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "subject_kind", "subject_id", name="pk_role_grants"),
    )


def _app_tokens() -> None:
    op.create_table(
        "app_tokens",
        *_texts("account_id", "name", "created_by"),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double, nullable=True),
        sa.Column("revoked_at", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_app_tokens"),
    )
    op.create_index("uq_app_tokens_token_hash", "app_tokens", ["token_hash"], unique=True)
    op.create_index(
        "uq_app_tokens_name",
        "app_tokens",
        ["account_id", "name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def _personal_cycles() -> None:
    op.create_table(
        "personal_cycles",
        *_texts("account_id", "cycle_id", "configuration_id", "asked"),
        sa.Column("external_id", sa.Text, nullable=True),
        *_texts("steps"),
        sa.PrimaryKeyConstraint("cycle_id", name="pk_personal_cycles"),
    )


def _audit_heads() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("seq", _BIG, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_audit_heads"),
    )


def _alert_marks() -> None:
    op.create_table(
        "alert_marks",
        *_texts("account_id", "key", "by"),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_alert_marks"),
    )


def _license_days() -> None:
    op.create_table(
        "license_days",
        *_texts("account_id"),
        sa.Column("day", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "day", name="pk_license_days"),
    )


def _home_viewers() -> None:
    op.create_table(
        "home_viewers",
        *_texts("account_id", "viewer"),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "viewer", name="pk_home_viewers"),
    )


def _managers() -> None:
    op.create_table(
        "managers",
        *_texts("account_id", "configuration_id", "external_id", "wanted", "wanted_key"),
        sa.Column("manager_id", _BIG, nullable=True),
        sa.Column("cycle_id", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("configuration_id", "external_id", name="pk_managers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_managers_wanted_key", "managers", ["configuration_id", "wanted_key"])
    op.create_index("ix_managers_manager_id", "managers", ["manager_id"])


def _invitation_chats() -> None:
    op.create_table(
        "invitation_chats",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("invitation_id", _BIG, nullable=False, autoincrement=False),
        *_texts("state"),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("person", sa.Text, nullable=True),
        sa.Column("channel", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("ts", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("claimed_by", sa.Text, nullable=True),
        sa.Column("claimed_until", sa.Double, nullable=True),
        sa.Column("begun_at", sa.Double, nullable=True),
        sa.Column("sent_at", sa.Double, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("invitation_id", name="pk_invitation_chats"),
    )
    _partial("ix_invitation_chats_due", "invitation_chats", "next_at", "state = 'pending'")
    _partial("ix_invitation_chats_begun_at", "invitation_chats", "begun_at", "begun_at IS NOT NULL")


def _partial(name: str, table: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=condition, postgresql_where=condition)


def _conflicts() -> None:
    op.create_table(
        "conflicts",
        *_texts("account_id"),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        *_texts("configuration_id", "external_id"),
        sa.Column("user_id", _BIG, nullable=False),
        *_texts("owner_id", "label", "user_name", "display_name", "email", "profile", "state"),
        sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("1")),
        *_texts("cycle_id"),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=True),
        sa.Column("decided_at", sa.Double, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_conflicts"),
    )
    columns = ["configuration_id", "external_id"]
    op.create_index("uq_conflicts_external_id", "conflicts", columns, unique=True)
    op.create_index("ix_conflicts_user_id", "conflicts", ["user_id"])


def _moves() -> None:
    op.create_table(
        "moves",
        *_texts("account_id"),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        sa.Column("user_id", _BIG, nullable=False),
        *_texts("from_id"),
        sa.Column("external_id", sa.Text, nullable=True),
        *_texts("to_id"),
        sa.Column("at", sa.Double, nullable=False),
        *_texts("by", "by_name", "reason"),
        sa.PrimaryKeyConstraint("id", name="pk_moves"),
    )
    op.create_index("ix_moves_user_id", "moves", ["user_id"])
    op.create_index("ix_moves_to_id", "moves", ["to_id", "at"])


def _license_reserves() -> None:
    op.create_table(
        "license_reserves",
        *_texts("account_id", "configuration_id", "external_id", "name"),
        sa.Column("kept", sa.Integer, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "configuration_id", "external_id", name="pk_license_reserves"
        ),
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        *_texts("account_id", "channel", "configuration_id", "kinds", "by"),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "channel", "configuration_id", name="pk_subscriptions"
        ),
    )


def _lost_channels() -> None:
    op.create_table(
        "lost_channels",
        *_texts("account_id", "channel", "code"),
        sa.Column("since", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "channel", name="pk_lost_channels"),
    )


def _license_questions() -> None:
    op.create_table(
        "license_questions",
        *_texts("account_id", "answer"),
        sa.Column("id", _BIG, nullable=False, autoincrement=False),
        sa.Column("user_id", _BIG, nullable=False),
        sa.Column("person", sa.Text, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("claimed_by", sa.Text, nullable=True),
        sa.Column("claimed_until", sa.Double, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_license_questions"),
    )
    op.create_index("ix_license_questions_user_id", "license_questions", ["user_id"])
    _partial("ix_license_questions_due", "license_questions", "next_at", "answer = 'pending'")


def _protected() -> None:
    _partial("ix_users_protected", "users", "configuration_id", "protected")
