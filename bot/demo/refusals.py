"""How the demo workspace says no: Slack's error code with what Slack sends beside it."""

from collections.abc import Mapping, Sequence


class RefusedError(Exception):
    """A request that Slack would refuse.

    `code` is Slack's `error` string, `messages` become `response_metadata.messages`, `fields`
    stand beside `error` in the answer. `retry_after` (seconds) makes it a 429.
    """

    def __init__(
        self,
        code: str,
        *,
        messages: Sequence[str] = (),
        fields: Mapping[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code, *messages)
        self.code = code
        self.messages = tuple(messages)
        self.fields = dict(fields or {})
        self.retry_after = retry_after

    def answer(self) -> dict[str, object]:
        """Return the JSON body that Slack answers with."""
        body: dict[str, object] = {"ok": False, "error": self.code, **self.fields}
        if self.messages:
            body["response_metadata"] = {"messages": list(self.messages)}
        return body
