"""Which provider belongs to which settings; the only place that knows the providers' classes."""

from __future__ import annotations

from core.model.configuration import (
    CsvSettings,
    EntraSettings,
    GoogleSettings,
    LdapSettings,
    OktaSettings,
    ProviderSettings,
    ScimSettings,
)
from core.ports import IdentityProvider
from core.providers.context import ProviderContext
from core.providers.csv_file.provider import CsvProvider
from core.providers.entra.provider import EntraProvider
from core.providers.google.provider import GoogleProvider
from core.providers.ldap.provider import LdapProvider
from core.providers.okta.provider import OktaProvider
from core.providers.scim.provider import ScimProvider


async def open_provider(
    settings: ProviderSettings, *, context: ProviderContext
) -> IdentityProvider:
    """Return the provider for these settings; nothing is connected yet.

    Raises `ConfigurationError` if the settings cannot be used on this host.
    """
    match settings:
        case ScimSettings():
            return await ScimProvider.open(settings, context=context)
        case CsvSettings():
            return await CsvProvider.open(settings, context=context)
        case EntraSettings():
            return await EntraProvider.open(settings, context=context)
        case OktaSettings():
            return await OktaProvider.open(settings, context=context)
        case LdapSettings():
            return await LdapProvider.open(settings, context=context)
        case GoogleSettings():
            return await GoogleProvider.open(settings, context=context)
