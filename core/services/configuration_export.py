"""Writing a configuration file that says what is stored."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields

from ruamel.yaml import YAML

from core.model.configuration import (
    ConfigurationSpec,
    Guard,
    InvitationWay,
    LicensePolicy,
    MissingPolicy,
    ProviderSettings,
    Schedule,
)
from core.services.configuration_freeze import freeze_documents
from core.services.yaml_nodes import duration_text


def export_file(
    specs: Sequence[ConfigurationSpec], *, licenses_total: int, licenses_policy: LicensePolicy
) -> str:
    """Return YAML that `parse_file` reads into the same; only what differs from the defaults.

    Secrets are references, so there is nothing to hide.
    """
    licenses: dict[str, object] = {"total": licenses_total}
    if licenses_policy is not LicensePolicy.ASK:
        licenses["policy"] = licenses_policy.value
    document: dict[str, object] = {"licenses": licenses}
    if specs:
        document["configurations"] = [spec_document(spec) for spec in specs]
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # untyped upstream
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def spec_document(spec: ConfigurationSpec) -> dict[str, object]:
    """Return one configuration with the keys of the file."""
    document: dict[str, object] = {
        "name": spec.name,
        "provider": _provider(spec.provider),
    }
    scope: dict[str, object] = {
        "groups": list(spec.scope.groups),
        "domains": list(spec.scope.domains),
        "org_units": list(spec.scope.org_units),
        "filter": spec.scope.filter,
    }
    _put(document, "scope", {key: value for key, value in scope.items() if value})
    _put(document, "mapping", _mapping(spec))
    _put(document, "schedule", _schedule(spec.schedule))
    _put(document, "channel", spec.channel)
    _put(document, "guard", _guard(spec.guard))
    if spec.invitations is not InvitationWay.MAIL:
        document["invitations"] = {"send": spec.invitations.value}
    if spec.on_missing is not MissingPolicy.DISABLE:
        document["on_missing"] = spec.on_missing.value
    document["grace"] = duration_text(spec.grace)
    _put(document, "freeze", freeze_documents(spec.freeze))
    _put(document, "priority", spec.priority)
    return document


def _mapping(spec: ConfigurationSpec) -> dict[str, object]:
    once = spec.only_on_create
    return {
        name: {"from": path, "only_on_create": True} if name in once else path
        for name, path in spec.mapping.items()
    }


def _put(document: dict[str, object], key: str, value: object) -> None:
    if value:
        document[key] = value


def _provider(settings: ProviderSettings) -> dict[str, object]:
    kept: dict[str, object] = {"type": settings.type}
    for each in fields(settings):
        value = getattr(settings, each.name)
        usual = each.default if each.default_factory is MISSING else each.default_factory()
        if value != usual:
            kept[each.name] = dict(value) if isinstance(value, Mapping) else value
    return kept


def _guard(guard: Guard) -> dict[str, object]:
    usual = Guard()
    kept: dict[str, object] = {}
    for each in fields(guard):
        value = getattr(guard, each.name)
        if value != getattr(usual, each.name):
            kept[each.name] = list(value) if isinstance(value, tuple) else value
    return kept


def _schedule(schedule: Schedule | None) -> dict[str, object]:
    if schedule is None:
        return {}
    if schedule.every is not None:
        zone = {} if schedule.timezone == "UTC" else {"timezone": schedule.timezone}
        return {"every": duration_text(schedule.every), **zone}
    return {"cron": schedule.cron, "timezone": schedule.timezone}
