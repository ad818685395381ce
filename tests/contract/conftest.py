"""What is not collected where it cannot be."""

from __future__ import annotations

from tests.support.samba_dc import can_run

collect_ignore = [] if can_run() else ["test_ldap_active_directory.py", "test_ldap_ad_deltas.py"]
"""A domain controller needs root; nothing is skipped where it cannot be."""
