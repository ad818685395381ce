"""What holds mail up and what to do about it, in words for whoever can mend it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_WHY: Mapping[str, tuple[str, str]] = {
    "mail_template": (
        "a mail template has a mistake",
        "dirsync doctor on the host names file and line. What waits is sent once it is mended.",
    ),
    "mail_sign_in": (
        "the mail server refuses the sign-in",
        "Correct DIRSYNC_SMTP_URL on the host and start dirsync again.",
    ),
    "mail_sender_refused": (
        "the mail server refuses the sender",
        "Correct DIRSYNC_MAIL_FROM on the host and start dirsync again.",
    ),
    "mail_folder": (
        "the folder for mail cannot be written",
        "Correct its rights on the host, or make room.",
    ),
}
_UNKNOWN = ("something on the host has to be mended", "dirsync doctor on the host says what.")


def held_up(code: str) -> tuple[str, str]:
    """Return why mail waits, as the rest of a sentence, and what to do."""
    return _WHY.get(code, _UNKNOWN)
