"""Lets somebody see who was deleted: read and list on the container (dsacls … /g …:LCRP).

Run by the Python for which Samba's own bindings are installed:
``python3 samba_grant.py smb.conf CONTAINER TRUSTEE``.
"""

import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

SHOWN = "show_deleted:1"
DESCRIPTOR = "nTSecurityDescriptor"


def grant(configuration: str, container: str, trustee: str) -> None:
    """Put the entry before all others."""
    settings = LoadParm()
    settings.load(configuration)
    database = SamDB(session_info=system_session(), lp=settings)
    domain = security.dom_sid(database.get_domain_sid())
    (known,) = database.search(trustee, scope=ldb.SCOPE_BASE, attrs=["objectSid"])
    sid = ndr_unpack(security.dom_sid, known["objectSid"][0])
    (found,) = database.search(
        container, scope=ldb.SCOPE_BASE, attrs=[DESCRIPTOR], controls=[SHOWN]
    )
    whole = ndr_unpack(security.descriptor, found[DESCRIPTOR][0]).as_sddl(domain)
    place = whole.index("(", whole.index("D:"))
    whole = f"{whole[:place]}(A;;LCRP;;;{sid}){whole[place:]}"
    changed = ldb.Message()
    changed.dn = found.dn
    descriptor = ndr_pack(security.descriptor.from_sddl(whole, domain))
    changed[DESCRIPTOR] = ldb.MessageElement(descriptor, ldb.FLAG_MOD_REPLACE, DESCRIPTOR)
    database.modify(changed, controls=[SHOWN, "sd_flags:1:4"])


if __name__ == "__main__":
    grant(*sys.argv[1:])
