"""What every suite over both databases needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import BACKENDS, fresh_database
from tests.support.samba_dc import can_run


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a fresh database, of each kind in turn."""
    with fresh_database(request.param, tmp_path) as url:
        yield url


collect_ignore = [] if can_run() else ["test_ldap_active_directory.py", "test_ldap_ad_deltas.py"]
"""A domain controller needs root; nothing is skipped where it cannot be."""
