"""The service and compose files, as far as a machine without them running can tell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from core.settings import variables

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
SERVICE = (MANIFESTS / "dirsync.service").read_text()
COMPOSE = YAML(typ="safe").load((MANIFESTS / "compose.yaml").read_text())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_accepts_the_service(tmp_path: Path):
    unit = tmp_path / "dirsync.service"
    unit.write_text(SERVICE.replace("/opt/dirsync/bin/dirsync", sys.executable))
    found = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_the_service_gives_a_drain_its_time_and_does_not_retry_a_wrong_setting():
    assert int(re.search(r"TimeoutStopSec=(\d+)s", SERVICE)[1]) > 15
    assert "RestartPreventExitStatus=2" in SERVICE
    assert "UMask=0077" in SERVICE


def test_every_variable_in_the_manifests_is_one_that_dirsync_reads():
    known = set(variables())
    in_service = set(re.findall(r"Environment=(\w+)=", SERVICE))
    in_compose = set(COMPOSE["services"]["dirsync"]["environment"])
    assert in_service <= known
    assert in_compose <= known


def test_nothing_of_the_containers_is_published_beyond_this_machine():
    service = COMPOSE["services"]["dirsync"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "ports" not in COMPOSE["services"]["database"]
    assert int(service["stop_grace_period"].rstrip("s")) > 15
