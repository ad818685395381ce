"""Mail that waits for somebody to mend something on the host: one alert an episode."""

from __future__ import annotations

from datetime import datetime

from core.model.events import AlertKind, EventKind, NewOutboxItem
from core.model.inviting import HELD_UP
from core.store.database import Transaction
from core.store.outbox import put_item

ALERT_KEY = f"alert:{AlertKind.MAIL}"
HELD_CODES = ", ".join(f"'{code}'" for code in HELD_UP)
_BEGIN = """
INSERT INTO settings (account_id, key, value) VALUES (:account, :key, :code)
ON CONFLICT (account_id, key) DO UPDATE SET value = excluded.value
WHERE settings.value <> excluded.value
"""
_PRESENT = "SELECT value FROM settings WHERE account_id = :account AND key = :key"
_END = f"""
DELETE FROM settings WHERE account_id = :account AND key = :key AND NOT EXISTS (
    SELECT 1 FROM invitations
    WHERE account_id = :account AND state = 'pending' AND error IN ({HELD_CODES}))
"""  # noqa: S608 - fixed codes
_UNSEEN = "DELETE FROM alert_marks WHERE account_id = :account AND key = :key"
"""Who saw to the last episode has not seen the next one."""


async def note_held_up(tx: Transaction, code: str, *, now: datetime) -> None:
    """Tell that mail waits for this cause, unless that is told already."""
    if code in HELD_UP and await tx.run(_BEGIN, key=ALERT_KEY, code=code):
        await tx.run(_UNSEEN, key=ALERT_KEY)
        await put_item(tx, _item(code, resolved=False), now=now)


async def note_sent(tx: Transaction, *, now: datetime) -> None:
    """Tell that it is over once nothing waits any more; called after mail was noted as sent.

    Of two transactions at once, the second waits here and sees what the first one sent.
    """
    lock = "FOR UPDATE" if tx.backend == "postgresql" else ""
    code = await tx.value(f"{_PRESENT} {lock}", key=ALERT_KEY)
    if code is not None and await tx.run(_END, key=ALERT_KEY):
        await put_item(tx, _item(str(code), resolved=True), now=now)


def _item(code: str, *, resolved: bool) -> NewOutboxItem:
    return NewOutboxItem(
        key=ALERT_KEY,
        stream=ALERT_KEY,
        kind=EventKind.ALERT,
        subject=ALERT_KEY,
        payload={"kind": AlertKind.MAIL.value, "cause": code, "resolved": resolved},
    )
