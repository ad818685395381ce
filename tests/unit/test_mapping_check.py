"""The line about the mapping in a check: attributes that the provider does not have."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.model.directory import CheckLine, CheckReport, CheckStatus, ExternalId, ProviderUser
from core.services.mapping_check import with_mapping
from tests.support.engine_world import configuration

PERSON = ProviderUser(
    external_id=ExternalId("1"), user_name="ada", active=True, attributes={"badge": "7"}
)
GOOD = CheckReport(
    company="c", lines=(CheckLine(name="People", status=CheckStatus.OK),), sample=(PERSON,)
)


def told(mapping: Mapping[str, str], report: CheckReport = GOOD) -> list[tuple[str, str]]:
    """Return status and detail of the lines about the mapping."""
    found = with_mapping(report, configuration(mapping=mapping)).lines
    return [(line.status.value, line.detail) for line in found if line.name == "Mapping"]


def test_usual_attributes_and_those_that_somebody_has_are_fine():
    mapping = {"title": "title", "phone": "badge", "department": "title + enterprise.department"}
    assert told(mapping) == [("ok", "Its attributes are the provider's.")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("titel", "title: titel is no known attribute. Did you mean title?"),
        ('"x" + titel', "title: titel is no known attribute. Did you mean title?"),
        ("shoe", "title: shoe is no usual attribute, and the person looked at does not have it."),
    ],
)
def test_one_that_nobody_has_is_told_with_the_nearest_known_one(path, expected):
    ((status, detail),) = told({"title": path})
    assert status == "warning"
    assert detail.startswith(expected)


def test_nothing_is_said_where_nobody_was_shown_or_nothing_is_mapped():
    assert told({}) == []
    assert told({"title": "titel"}, CheckReport(company="c", lines=GOOD.lines)) == []
