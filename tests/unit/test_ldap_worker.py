"""The process that speaks LDAP: what it answers without the library, and what it may see."""

import subprocess
import sys

import msgspec

from core.errors import ConfigurationError
from core.providers.ldap.faults import from_result
from core.providers.ldap.link import _environment
from core.providers.ldap.wire import LENGTH_BYTES, NOT_INSTALLED, Answer, Failed

WITHOUT = """
import sys
sys.modules["bonsai"] = None
from core.providers.ldap.worker import serve
serve(sys.stdin.buffer, sys.stdout.buffer)
"""


def test_without_the_library_the_answer_says_what_to_install():
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=b"", capture_output=True, check=True
    )

    answer = msgspec.json.decode(ran.stdout[LENGTH_BYTES:], type=Answer)
    assert isinstance(answer, Failed)
    assert answer.code == NOT_INSTALLED
    error = from_result(answer, host="x", signing_in=True)
    assert isinstance(error, ConfigurationError)
    assert "slack-dirsync[ldap]" in error.hint


def test_the_process_sees_no_secrets_and_no_ldap_settings_of_the_machine():
    seen = _environment(
        {
            "PATH": "/bin",
            "DIRSYNC_SECRET_KEY": "planted",
            "DIRSYNC_CREDENTIAL_LDAP": "planted",
            "SLACK_BOT_TOKEN": "planted",
            "LDAPTLS_REQCERT": "never",
        }
    )

    assert seen == {"PATH": "/bin", "LDAPNOINIT": "1"}
