"""Finding out how a CSV file is written: its encoding and its dialect."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from charset_normalizer import from_bytes

from core.errors import ConfigurationError

SAMPLE_BYTES: Final = 256 * 1024
_DELIMITERS: Final = ",;\t|"
_SNIFFED_LINES: Final = 50
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FALL_BACK: Final = "cp1252"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How a file is written."""

    encoding: str
    delimiter: str


def detect(sample: bytes) -> Manner:
    """Return encoding and delimiter by the file's beginning.

    Raises `ConfigurationError` (``csv_empty``, ``csv_binary``).
    """
    if not sample.strip():
        raise ConfigurationError(
            "The CSV file is empty.", code="csv_empty", hint="Export it again, with a header line."
        )
    encoding = _encoding(sample)
    text = sample.decode(encoding, errors="ignore")
    if "\x00" in text.partition("\n")[0] or _is_binary(text):
        raise _binary()
    return Manner(encoding=encoding, delimiter=_delimiter(text))


def _encoding(sample: bytes) -> str:
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if _is_utf8(sample):
        return "utf-8"
    if sample.count(b"\x00") > len(sample) // 10:
        raise _binary()
    best = from_bytes(sample[:SAMPLE_BYTES]).best()
    return best.encoding if best is not None else _FALL_BACK


def _is_utf8(sample: bytes) -> bool:
    """Say whether the sample is UTF-8, also if its end cuts a character."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=False)
    except UnicodeDecodeError as error:
        # A stray byte far inside spoils one row, not the file.
        head = sample[: error.start]
        return len(head) > len(sample) // 2 and not head.isascii()
    return True


def _is_binary(text: str) -> bool:
    head = text[:4096]
    odd = sum(char < " " and char not in "\t\r\n" for char in head)
    return odd > max(2, len(head) // 50)


def _delimiter(text: str) -> str:
    lines = [line for line in text.splitlines()[:_SNIFFED_LINES] if line.strip()]
    try:
        found = csv.Sniffer().sniff("\n".join(lines), delimiters=_DELIMITERS).delimiter
    except csv.Error:
        found = ""
    header = lines[0] if lines else ""
    if found and found in header:
        return found
    return max(_DELIMITERS, key=header.count) if _any_in(header) else ","


def _any_in(header: str) -> bool:
    return any(delimiter in header for delimiter in _DELIMITERS)


def _binary() -> ConfigurationError:
    return ConfigurationError(
        "The file is not text, so it is no CSV file.",
        code="csv_binary",
        hint="A spreadsheet must be exported as CSV (UTF-8).",
    )


def clean_headers(row: Sequence[str]) -> list[str]:
    """Return the header's cells without white space and trailing empty ones."""
    headers = [cell.strip() for cell in row]
    while headers and not headers[-1]:
        headers.pop()
    return headers
