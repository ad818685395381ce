"""A configuration file to start from, for each kind of sign-in: written from the form's fields."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from core.model.form import FieldSpec, KindSpec

_WIDTH = 88
_REST = """\
    # scope: {groups: [Engineering], domains: [example.com]}    # nothing here: everybody
    # mapping: {title: title}               # beside what is known without it
    # schedule: {every: 1h}                 # without it, syncs start by hand only
    # channel: C0123456789                  # for cards; without it DIRSYNC_CHANNEL
    guard: {percent: 10, minimum: 5}        # more removals at once wait for an admin
    on_missing: disable                     # who left is disabled, and deleted after the grace
    grace: 30d
"""


def example_file(kind: KindSpec) -> str:
    """Return a file that `parse_file` takes as it is, once its values are one's own.

    Each field of the sign-in comes with its explanation, what is optional as a comment, and each
    secret as a reference to an environment variable.
    """
    lines = [
        *_comment(f"{kind.label}: {kind.about}.", "# "),
        *_comment(f"Rights: {kind.rights}", "# "),
        "",
        "# licenses: {total: 100}                 # how many the account has",
        "configurations:",
        "  - name: people",
        "    provider:",
        f"      type: {kind.type}",
    ]
    for field in kind.fields:
        lines += _field(field, kind)
    return "\n".join(lines) + "\n" + _REST


def _field(field: FieldSpec, kind: KindSpec) -> Iterator[str]:
    about = f"{field.label}. {_hint(field)}" if _hint(field) else field.label
    yield from _comment(about, "      # ")
    value = f"env:{_variable(field, kind)}" if field.secret else field.example
    yield f"      {'# ' if field.optional else ''}{field.key}: {value}"


def _hint(field: FieldSpec) -> str:
    """Return the explanation; what the form says of typing a secret is of no use in a file."""
    return "" if field.secret else field.hint


def _variable(field: FieldSpec, kind: KindSpec) -> str:
    return f"DIRSYNC_CREDENTIAL_{kind.type}_{field.key}".upper()


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
