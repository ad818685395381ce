"""Reading a configuration file: YAML to `AccountFile`, with each error's line."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from core.model.configuration import (
    AccountFile,
    ConfigurationSpec,
    CsvSettings,
    Guard,
    InvitationWay,
    LicensePolicy,
    MissingPolicy,
    Schedule,
    Scope,
)
from core.providers.known import known_attributes
from core.services import configuration_values as values
from core.services.configuration_freeze import read_freeze
from core.services.configuration_provider import read_provider
from core.services.configuration_units import org_units
from core.services.yaml_nodes import (
    Faults,
    Table,
    WrongHereError,
    one_of,
    read_tree,
    table,
    text,
    texts,
    whole_number,
)

MOST_LICENSES = 10_000_000
LOWEST_PRIORITY = 1000
UNNAMED = "unnamed"
_LATER = {
    "attributes": "is not available yet.",
    "enabled": "is not set in the file.",
    "owner": "is not available yet.",
    "targets": "is not available yet.",
}
_LATER_SCOPE = {
    "users": "is not available yet; use groups, domains and filter.",
}
_KEYS = (
    "name",
    "provider",
    "scope",
    "mapping",
    "schedule",
    "channel",
    "guard",
    "invitations",
    "on_missing",
    "grace",
    "freeze",
    "priority",
)


def parse_file(content: str, *, source: str) -> AccountFile:
    """Return what a configuration file says.

    Raises `ConfigurationError` that tells up to 20 errors with their lines at once. Secrets must
    be references (``env:DIRSYNC_CREDENTIAL_…`` or ``file:…``); values are never repeated.
    """
    file, faults = judge(content, source=source)
    faults.raise_if_any()
    return file


def judge(content: str, *, source: str) -> tuple[AccountFile, Faults]:
    """Return what a file says beside what is wrong with it; what is wrong has its default.

    Raises `ConfigurationError` for what is no YAML at all.
    """
    faults = Faults(source)
    root = table(
        read_tree(content, source=source), "the file", ("licenses", "configurations"), faults
    )
    total, policy = root.read("licenses", lambda node: _licenses(node, faults), (None, None))
    specs = root.read("configurations", lambda node: _configurations(node, faults), [])
    if not root.nodes and not faults.found:
        faults.add(root.node, "expected licenses, configurations or both.")
    file = AccountFile(licenses_total=total, licenses_policy=policy, configurations=tuple(specs))
    return file, faults


def _licenses(node: Node, faults: Faults) -> tuple[int | None, LicensePolicy | None]:
    rows = table(node, "licenses", ("total", "policy"), faults)
    policies = one_of(*(policy.value for policy in LicensePolicy))
    policy = rows.read("policy", policies, None)
    return (
        rows.need("total", whole_number(0, MOST_LICENSES), None),
        LicensePolicy(policy) if policy else None,
    )


def _configurations(node: Node, faults: Faults) -> list[ConfigurationSpec]:
    if not isinstance(node, SequenceNode):
        raise WrongHereError("expected a list: one “- name: …” for each configuration.")
    specs: list[ConfigurationSpec] = []
    names: set[str] = set()
    for item in node.value:
        spec = _configuration(item, faults)
        if spec is None:
            continue
        if spec.name.casefold() in names and spec.name != UNNAMED:
            faults.add(item, f"the name {spec.name} is there twice (case does not count).")
        names.add(spec.name.casefold())
        specs.append(spec)
    return specs


def _configuration(node: Node, faults: Faults) -> ConfigurationSpec | None:
    rows = table(node, "the configuration", _KEYS, faults, later=_LATER)
    if not isinstance(node, MappingNode):
        return None
    provider = rows.need(
        "provider", lambda part: read_provider(part, faults), CsvSettings(file="none")
    )
    known = known_attributes(provider.type)
    mapping = rows.read(
        "mapping", lambda part: values.mapping(part, faults, known), values.MappingPart()
    )
    return ConfigurationSpec(
        name=rows.need("name", values.name, UNNAMED),
        provider=provider,
        scope=rows.read("scope", lambda part: _scope(part, faults, known, provider.type), Scope()),
        mapping=mapping.paths,
        only_on_create=mapping.only_on_create,
        schedule=rows.read("schedule", lambda part: _schedule(part, faults), None),
        channel=rows.read("channel", values.channel, None),
        guard=rows.read("guard", lambda part: _guard(part, faults), Guard()),
        invitations=rows.read(
            "invitations", lambda part: _invitations(part, faults), InvitationWay.MAIL
        ),
        on_missing=rows.read("on_missing", _on_missing, MissingPolicy.DISABLE),
        grace=rows.read("grace", values.grace, timedelta(days=30)),
        freeze=rows.read("freeze", lambda part: read_freeze(part, faults), ()),
        priority=rows.read("priority", whole_number(1, LOWEST_PRIORITY), None),
    )


def _scope(node: Node, faults: Faults, known: Collection[str], provider: str) -> Scope:
    keys = ("groups", "domains", "org_units", "filter")
    rows = table(node, "scope", keys, faults, later=_LATER_SCOPE)
    return Scope(
        groups=rows.read("groups", texts, ()),
        domains=rows.read("domains", values.domains, ()),
        org_units=rows.read("org_units", lambda part: org_units(part, provider), ()),
        filter=rows.read("filter", lambda part: values.scope_filter(part, faults, known), ""),
    )


def _guard(node: Node, faults: Faults) -> Guard:
    keys = ("percent", "minimum", "canaries", "protected", "max_creations")
    rows = table(node, "guard", keys, faults)
    return Guard(
        percent=rows.read("percent", whole_number(0, 100), 10),
        minimum=rows.read("minimum", whole_number(0, 1_000_000), 5),
        canaries=rows.read("canaries", texts, ()),
        protected=rows.read("protected", texts, ()),
        max_creations=rows.read("max_creations", whole_number(0, 10_000_000), None),
    )


def _schedule(node: Node, faults: Faults) -> Schedule | None:
    rows = table(node, "schedule", ("every", "cron", "timezone"), faults)
    if ("every" in rows.nodes) == ("cron" in rows.nodes):
        faults.add(node, "schedule: expected either every or cron.")
        return None
    if "every" in rows.nodes:
        return _every(rows)
    return Schedule(
        cron=rows.read("cron", values.cron, "0 0 * * *"),
        timezone=rows.read("timezone", values.timezone, "UTC"),
    )


def _every(rows: Table) -> Schedule:
    every = rows.read("every", values.interval, None)
    if "timezone" not in rows.nodes:
        return Schedule(every=every)
    if every is None or every % timedelta(days=1):
        rows.faults.add(
            rows.node, "schedule: a time zone belongs to cron, or to every with whole days."
        )
    return Schedule(every=every, timezone=rows.read("timezone", values.timezone, "UTC"))


def _invitations(node: Node, faults: Faults) -> InvitationWay:
    rows = table(node, "invitations", ("send",), faults)
    ways = one_of(*(way.value for way in InvitationWay))
    return InvitationWay(rows.need("send", ways, InvitationWay.MAIL.value))


def _on_missing(node: Node) -> MissingPolicy:
    if isinstance(node, MappingNode) or text(node) == "delete":
        raise WrongHereError("expected disable (then delete after grace) or keep.")
    return MissingPolicy(one_of(*(policy.value for policy in MissingPolicy))(node))
