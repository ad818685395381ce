"""CSV for people's spreadsheets, in which nothing is live."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def neutral(value: object) -> str:
    """Return the cell's text so that no spreadsheet runs it as a formula (CWE-1236)."""
    text = str(value).replace("\x00", "")
    if text.lstrip(" \u00a0\ufeff").startswith(_LIVE):
        return f"'{text}"
    return text


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    """Return the rows as UTF-8 with a byte order mark, RFC 4180, every cell neutralised."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig", errors="replace")
