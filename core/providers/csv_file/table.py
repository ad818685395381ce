"""A CSV snapshot being read."""

from __future__ import annotations

from itertools import islice

from core.errors import TerminalRemoteError
from core.model.configuration import CsvSettings
from core.providers.csv_file.headers import recognise
from core.providers.csv_file.rows import RowReader
from core.providers.csv_file.source import Snapshot
from core.providers.csv_file.text import SAMPLE_BYTES, clean_headers, detect


class Table:
    """A snapshot being read: its columns, and its rows in pages."""

    def __init__(self, snapshot: Snapshot, settings: CsvSettings, wanted: frozenset[str]) -> None:
        manner = detect(snapshot.file.read(SAMPLE_BYTES))
        self._snapshot = snapshot
        self._reader = RowReader(snapshot.text(manner.encoding), delimiter=manner.delimiter)
        headers = clean_headers(self._reader.header())
        self.manner = manner
        self.columns = recognise(headers, explicit=settings.columns, wanted=wanted)
        self._records = self._reader.records(self.columns)

    def next_rows(self, count: int) -> list[bytes]:
        """Return up to so many rows; raise `TerminalRemoteError` if the text cannot be decoded."""
        try:
            return list(islice(self._records, count))
        except UnicodeError as error:
            raise TerminalRemoteError(
                f"The CSV file is not written in {self.manner.encoding} throughout.",
                code="csv_encoding",
                hint="Export it again as CSV (UTF-8).",
            ) from error

    def whole(self) -> bool:
        """Say, at the end, whether every row of one unchanged file was seen."""
        return not self._reader.swallowed and self._snapshot.unchanged()
