"""The Google Workspace part of a configuration file: settings, and a typed key."""

from __future__ import annotations

import re

from ruamel.yaml.nodes import Node

from core.errors import ConfigurationError
from core.model.configuration import GoogleSettings
from core.providers.google.service_account import check_key
from core.services.configuration_values import secret, url
from core.services.yaml_nodes import (
    Faults,
    WrongHereError,
    boolean,
    table,
    text,
    whole_number,
)

_KEYS = (
    "type",
    "admin",
    "service_account",
    "customer",
    "url",
    "login_url",
    "page_size",
    "groups",
)


def read_google(node: Node, faults: Faults) -> GoogleSettings:
    """Return the settings; what is wrong with them is added to the faults."""
    rows = table(node, "provider", _KEYS, faults)
    return GoogleSettings(
        admin=rows.need("admin", _address, "unknown@unknown.invalid"),
        service_account=rows.need("service_account", secret, "env:DIRSYNC_CREDENTIAL_X"),
        customer=rows.read("customer", _customer, "my_customer"),
        url=rows.read("url", url, None),
        login_url=rows.read("login_url", url, None),
        page_size=rows.read("page_size", whole_number(1, 500), 500),
        groups=rows.read("groups", boolean, True),
    )


def wrong_with_key(typed: str) -> str | None:
    """Say what is wrong with a service account's key that somebody typed, or None."""
    try:
        check_key(typed)
    except ConfigurationError as error:
        return error.message
    return None


def _address(node: Node) -> str:
    value = text(node)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise WrongHereError("expected an admin's address, such as admin@example.com.")
    return value


def _customer(node: Node) -> str:
    value = text(node)
    if not re.fullmatch(r"my_customer|C[0-9a-z]{3,40}", value):
        raise WrongHereError("expected a customer ID, such as C03az79cb.")
    return value
