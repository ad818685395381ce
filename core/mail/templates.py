"""The words of mail: the shipped ones, or an admin's own templates from a folder of the host."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FunctionLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.errors import TransientRemoteError
from core.mail.message import Rendered, plain_name, shipped_subject
from core.model.account import Invitation, MailPurpose, UserId
from core.model.directory import CheckLine, CheckStatus

CODE = "mail_template"
LONGEST = 200_000
"""Characters of one part of a message."""
_PARTS = ("subject.txt", "txt", "html")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")
_WRONG = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template can run into; `UnicodeError` is a `ValueError`."""


class Templates:
    """Renders messages; what stands in `folder` takes the place of a shipped template.

    Files are read anew when they have changed. Nothing outside of the folder is read, and a
    template reaches nothing but the values it is given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        loaders: list[BaseLoader] = [PackageLoader("core.mail")]
        if folder is not None:
            loaders.insert(0, FunctionLoader(self._load))
        self._environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader(loaders),
            autoescape=select_autoescape(enabled_extensions=("html",), default=False),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            auto_reload=True,
        )

    def render(self, invitation: Invitation, *, public_url: str | None = None) -> Rendered:
        """Return a message's words; names are cleaned of control and direction marks.

        Without `public_url` nobody could follow a link, so there is none. Raises
        `TransientRemoteError` (code ``mail_template``) that names file and line of a mistake:
        the message waits until it is mended.
        """
        base = public_url.rstrip("/") if public_url else ""
        values = {
            "name": plain_name(invitation.display_name),
            "email": plain_name(invitation.email, 254),
            "url": base,
            "link": f"{base}/invitations/{invitation.token}" if base and invitation.token else "",
        }
        kind = invitation.purpose.value
        own = self._folder is not None and (self._folder / f"{kind}.subject.txt").exists()
        subject = (
            self._part(f"{kind}.subject.txt", values)
            if own
            else shipped_subject(invitation.purpose, values["name"])
        )
        if not subject.strip():
            raise _mistake(f"{kind}.subject.txt", None, "the subject is empty")
        return Rendered(
            subject=subject,
            text=self._part(f"{kind}.txt", values),
            html=self._part(f"{kind}.html", values),
        )

    def check(self) -> Iterator[CheckLine]:
        """Say of each template whether it can be rendered for all kinds of people."""
        if self._folder is None:
            yield _fine("the shipped ones")
            return
        if not self._folder.is_dir():
            yield _failed(f"{self._folder} is no folder", "Correct DIRSYNC_MAIL_TEMPLATES_DIR.")
            return
        yield from self._unused(self._folder)
        for purpose in MailPurpose:
            try:
                linked = [self._sample(purpose, name, linked=True) for name in _NAMES]
                self._sample(purpose, "Ada Lovelace", linked=False)
            except TransientRemoteError as error:
                yield _failed(error.message, "The mail waits until it is mended; none is lost.")
                continue
            yield _fine(f"{purpose.value}: can be sent")
            if purpose is MailPurpose.INVITATION and not all(map(_has_link, linked)):
                yield _warned(
                    "invitation.txt and invitation.html must both have {{ link }}, or nobody can "
                    "accept"
                )

    def _sample(self, purpose: MailPurpose, name: str, *, linked: bool) -> Rendered:
        url = "https://dirsync.example" if linked else None
        return self.render(sample(purpose, name), public_url=url)

    def _unused(self, folder: Path) -> Iterator[CheckLine]:
        known = {f"{purpose.value}.{part}" for purpose in MailPurpose for part in _PARTS}
        for path in sorted(folder.glob("*")):
            if path.name not in known and path.name.startswith(tuple(MailPurpose)):
                yield _warned(f"{path.name} is not used; the names are {', '.join(sorted(known))}")

    def _part(self, name: str, values: Mapping[str, str]) -> str:
        try:
            text = self._environment.get_template(name).render(values)
        except TemplateSyntaxError as error:
            raise _mistake(error.name or name, error.lineno, error.message or "") from None
        except _WRONG as error:
            raise _mistake(*_place(error, name), str(error) or type(error).__name__) from None
        if len(text) > LONGEST:
            raise _mistake(name, None, f"it becomes longer than {LONGEST:,} characters")
        return text

    def _load(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        """Return a file of the folder as Jinja2 wants it; None for one that is not there."""
        folder = (self._folder or Path()).resolve()
        path = folder / name
        if not _NAME.fullmatch(name) or not path.exists():
            return None
        if not path.resolve().is_relative_to(folder):
            raise PermissionError(f"{name} leads out of the folder")
        stamp = path.stat().st_mtime_ns
        text = path.read_text(encoding="utf-8")
        return text, str(path), lambda: path.exists() and path.stat().st_mtime_ns == stamp


_NAMES = ("Ada Lovelace", "", "<b>Ada</b> {{ 7 * 7 }}", "\u0100" * 100)


def sample(purpose: MailPurpose, name: str = "Ada Lovelace") -> Invitation:
    """Return an invitation to try templates on."""
    welcome = purpose is MailPurpose.WELCOME
    return Invitation(
        id=0,
        user_id=UserId(0),
        email="ada@example.com",
        display_name=name,
        message_id="<sample@dirsync>",
        attempts=0,
        purpose=purpose,
        token="" if welcome else "sample-of-a-token",
    )


def _has_link(words: Rendered) -> bool:
    link = "https://dirsync.example/invitations/sample-of-a-token"
    return link in words.text and link in words.html


def _place(error: BaseException, name: str) -> tuple[str, int | None]:
    """Return the file and line of a template in which an error came up."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if frame.filename.endswith((".txt", ".html")):
            return Path(frame.filename).name, frame.lineno
    return name, None


def _mistake(name: str, line: int | None, what: str) -> TransientRemoteError:
    where = name if line is None else f"{name}, line {line}"
    return TransientRemoteError(
        f"{where}: {what.rstrip('.')}.",
        code=CODE,
        hint="Mend the template; the mail waits and is sent then.",
    )


def _fine(detail: str) -> CheckLine:
    return CheckLine.ok("Mail templates", detail)


def _failed(detail: str, hint: str) -> CheckLine:
    return CheckLine(
        name="Mail templates", status=CheckStatus.FAILED, detail=detail, hint=hint, code=CODE
    )


def _warned(detail: str) -> CheckLine:
    return CheckLine(
        name="Mail templates",
        status=CheckStatus.WARNING,
        detail=detail,
        hint="dirsync mail preview shows what is sent.",
        code=CODE,
    )
