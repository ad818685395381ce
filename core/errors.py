"""Every error that dirsync raises on purpose.

::

    DirsyncError                     code, message for people, hint what to do
    ├── ConfigurationError           a setting, file or configuration is wrong
    ├── RemoteError                  the other side failed; retry_after in seconds or None
    │   ├── TransientRemoteError     worth trying again later
    │   ├── WatermarkExpiredError    the provider no longer knows where a delta was to begin
    │   └── TerminalRemoteError      trying again cannot help
    │       ├── SignInError          the credentials were refused: 401, or no token granted
    │       └── PermissionMissingError  signed in, but a right is missing (403)
    ├── RecordError                  one record cannot be read or mapped: that person's error
    ├── ConflictError                the state changed under the request, or two claims collide
    │   └── AlreadyRunningError      the configuration has an open cycle; carries its id
    ├── NotFoundError                no such configuration, cycle, person
    ├── NotPermittedError            the actor's role does not allow it
    ├── UsageError                   the text or arguments cannot be understood
    └── StoreError                   the database cannot do it
        ├── StoreUnavailableError    unreachable, locked, full, read-only or corrupt
        ├── SchemaTooNewError        written by a newer dirsync
        └── FencedError              the cycle is no longer this worker's to write

``code`` is a stable ``snake_case`` word that people may search for and programs may compare.
"""

from __future__ import annotations


class DirsyncError(Exception):
    """An error with a text for people.

    Attributes:
        code: stable identifier of the kind of error, ``snake_case``.
        message: what happened, one or two sentences, without secrets.
        hint: what the reader can do about it, or an empty string.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigurationError(DirsyncError):
    """A setting, a configuration file or a configuration is wrong.

    Attributes:
        line: 1-based line of the file that is wrong, or None.
    """

    default_code = "configuration_invalid"

    def __init__(
        self, message: str, *, code: str | None = None, hint: str = "", line: int | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.line = line


class RemoteError(DirsyncError):
    """Another system failed to answer as it should.

    Attributes:
        retry_after: seconds that the other side asked us to wait, or None.
        status: the HTTP status where there was one, or None.
    """

    default_code = "remote_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after = retry_after
        self.status = status


class TransientRemoteError(RemoteError):
    """The other side may recover: time-outs, dropped connections, 429, 5xx."""

    default_code = "remote_unavailable"


class WatermarkExpiredError(RemoteError):
    """The provider does not know a watermark any more: only a full read tells what changed."""

    default_code = "watermark_expired"


class TerminalRemoteError(RemoteError):
    """Asking again would bring the same answer."""

    default_code = "remote_refused"


class SignInError(TerminalRemoteError):
    """The credentials were refused; somebody must sign the configuration in again."""

    default_code = "sign_in_needed"


class PermissionMissingError(TerminalRemoteError):
    """The credentials are valid but lack a right."""

    default_code = "permission_missing"


class RecordError(DirsyncError):
    """One record cannot be read or mapped; everyone else goes on.

    Attributes:
        attribute: the attribute at fault, or an empty string for the whole record.
        value_kind: the kind of its value ("text", "number", "list", …), never the value.
    """

    default_code = "record_unreadable"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        attribute: str = "",
        value_kind: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.attribute = attribute
        self.value_kind = value_kind


class ConflictError(DirsyncError):
    """The state is no longer what the request was based on, or two claims collide."""

    default_code = "conflict"


class AlreadyRunningError(ConflictError):
    """The configuration already has an open cycle.

    Attributes:
        cycle_id: the open cycle.
    """

    default_code = "already_running"

    def __init__(self, message: str, *, cycle_id: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cycle_id = cycle_id


class NotFoundError(DirsyncError):
    """There is no such thing."""

    default_code = "not_found"


class NotPermittedError(DirsyncError):
    """The actor's role does not allow it; the message says who may."""

    default_code = "not_permitted"


class UsageError(DirsyncError):
    """A text or its arguments cannot be understood.

    Attributes:
        choices: what could have been meant, for a picker; code ``which_configuration``.
        suggestion: the closest command that exists; code ``unknown_verb``.
    """

    default_code = "usage"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        choices: tuple[str, ...] = (),
        suggestion: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.choices = choices
        self.suggestion = suggestion


class StoreError(DirsyncError):
    """The database cannot do what was asked."""

    default_code = "store_error"


class StoreUnavailableError(StoreError):
    """The database is unreachable, locked, full, read-only or corrupt."""

    default_code = "store_unavailable"


class SchemaTooNewError(StoreError):
    """The database was written by a newer dirsync."""

    default_code = "schema_too_new"


class FencedError(StoreError):
    """The cycle is no longer this worker's, or its configuration changed: nothing was written."""

    default_code = "fenced"
