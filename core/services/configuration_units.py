"""The org units of a configuration file's scope, which each kind of provider names in its way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ruamel.yaml.nodes import Node

from core.services.yaml_nodes import WrongHereError, texts

_NAMES: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "google": (
        re.compile(r"/.*|id:[A-Za-z0-9_-]+"),
        "paths such as /Sales/Berlin, or ids such as id:03ph8a2z23yjui6.",
    ),
    "ldap": (
        re.compile(r"id:[A-Za-z0-9-]+|(?!id:).*\S.*"),
        "paths below the base such as Sales/Berlin, DNs, or ids such as id:7b1c4a1e-5c0e-….",
    ),
}


def org_units(node: Node, provider: str) -> tuple[str, ...]:
    """Return the organizational units of a scope; other kinds of providers have none."""
    if provider not in _NAMES:
        raise WrongHereError(
            f"a provider of the type {provider} has no org units; "
            f"{' and '.join(sorted(_NAMES))} have."
        )
    allowed, examples = _NAMES[provider]
    found = texts(node)
    if not all(allowed.fullmatch(each) for each in found):
        raise WrongHereError(f"expected {examples}")
    return found
