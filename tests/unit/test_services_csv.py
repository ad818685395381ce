"""No cell of a download is live in a spreadsheet."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from core.services.csv_text import csv_bytes


@given(st.lists(st.lists(st.text(max_size=30), min_size=2, max_size=4), max_size=5))
def test_no_cell_begins_a_formula_and_rows_stay_rows(rows):
    text = csv_bytes(rows).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert len(read) == len(rows)
    for row, given_row in zip(read, rows, strict=True):
        assert len(row) == len(given_row)
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in row)


def test_a_formula_is_shown_as_text():
    content = csv_bytes([('=HYPERLINK("http://x")', "Ada, Countess", "plain")]).decode("utf-8-sig")
    assert content == '"\'=HYPERLINK(""http://x"")","Ada, Countess",plain\r\n'
