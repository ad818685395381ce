"""Whether a mapping's attributes are the provider's, told beside what the provider says itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.engine.expressions import nearest, paths_of
from core.model.configuration import Configuration
from core.model.directory import CheckLine, CheckReport, CheckStatus, ProviderUser
from core.providers.known import known_attributes

MAPPING = "Mapping"
_EVERYBODY_HAS = frozenset({"id", "userName", "active", "email", "emails", "emails.value"})


def with_mapping(report: CheckReport, configuration: Configuration) -> CheckReport:
    """Return a check's report with a line about the mapping, once the provider showed people."""
    if not (report.ok and report.sample and configuration.spec.mapping):
        return report
    return replace(report, lines=(*report.lines, _line(configuration, report.sample)))


def _line(configuration: Configuration, sample: Sequence[ProviderUser]) -> CheckLine:
    known = sorted(known_attributes(configuration.spec.provider.type))
    doubts = []
    for name, source in configuration.spec.mapping.items():
        for path in sorted(paths_of(source)):
            doubt = _doubt(path, known, sample)
            doubts += [f"{name}: {doubt}"] if doubt else []
    if not doubts:
        return CheckLine.ok(MAPPING, "Its attributes are the provider's.")
    return CheckLine(
        name=MAPPING,
        status=CheckStatus.WARNING,
        detail=" ".join(doubts),
        hint="Correct the mapping, unless it is right and only few people have that attribute.",
        code="attribute_unknown",
    )


def _doubt(path: str, known: Sequence[str], sample: Sequence[ProviderUser]) -> str:
    if path in known or path in _EVERYBODY_HAS or any(path in each.attributes for each in sample):
        return ""
    near = nearest(path, known)
    if near:
        return f"{path} is no known attribute. Did you mean {near}?"
    nobody = (
        "the person looked at does not have it"
        if len(sample) == 1
        else (f"none of the {len(sample)} people looked at has it")
    )
    return f"{path} is no usual attribute, and {nobody}."
