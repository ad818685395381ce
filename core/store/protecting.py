"""People whom a configuration names as protected, marked before anything is decided about them."""

from __future__ import annotations

from core.model.configuration import ConfigurationId
from core.store.codec import decode_spec, to_json
from core.store.database import Transaction
from core.store.names import among

_DOCUMENT = "SELECT document FROM configurations WHERE id = :configuration"
_NAMED = """
SELECT id FROM users WHERE account_id = :account AND match_key IN {keys}
UNION SELECT id FROM users WHERE account_id = :account AND lower(user_name) IN {keys}
UNION SELECT user_id FROM links
    WHERE configuration_id = :configuration AND external_id IN {names} AND user_id IS NOT NULL
"""
_PROTECT = f"""
UPDATE users SET protected = TRUE
WHERE configuration_id = :configuration AND NOT protected AND id IN ({_NAMED})
"""  # noqa: S608 - fixed text
_LET_GO = f"""
UPDATE users SET protected = FALSE
WHERE configuration_id = :configuration AND protected AND id NOT IN ({_NAMED})
"""  # noqa: S608 - fixed text


async def protect_named(
    tx: Transaction, configuration: ConfigurationId, *, edited: bool = False
) -> None:
    """Mark those whom the configuration names by e-mail, user name or id, and nobody else.

    A configuration that names nobody is left as it is, unless it was `edited` just now.
    """
    found = await tx.value(_DOCUMENT, configuration=configuration)
    listed = [name.strip() for name in decode_spec(found).guard.protected]
    if not listed and not edited:
        return
    keys, names = among(tx.backend, "keys"), among(tx.backend, "names")
    for statement in (_PROTECT, _LET_GO):
        await tx.run(
            statement.format(keys=keys, names=names),
            configuration=configuration,
            keys=to_json([name.casefold() for name in listed]),
            names=to_json(listed),
        )
