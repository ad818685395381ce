"""Writing a configuration step by step: drafts, tests on real people, the effect, and saving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from core.engine.effect import effect_of, mapped_person
from core.errors import ConfigurationError, ConflictError
from core.model.account import Actor, Role
from core.model.configuration import (
    DEFAULT_ACCOUNT,
    Configuration,
    ConfigurationId,
    ConfigurationSpec,
    Draft,
    Schedule,
)
from core.model.directory import CheckReport
from core.model.form import SECRET_KEYS, STEPS
from core.model.views import DraftCheck, Effect
from core.services.configurations import ConfigurationService, ProviderFactory
from core.services.draft_fields import empty_fields, fields_of, judged
from core.services.ground import Ground
from core.services.mapping_check import with_mapping
from core.services.secrets import SecretService

NextSlots = Callable[[Schedule, datetime], list[datetime]]
"""From a schedule and the time now: the next few slots in UTC."""
SHOWN_PEOPLE = 5
COMPANY = "company"
"""The field of a draft that keeps which company its sign-in reached."""
SIGNED_IN = "signed_in"
"""The field that keeps whether its sign-in worked when it was tried: "yes", "no", or "" if not."""
_OF_SIGN_IN = frozenset({"kind", *STEPS["signin"]})


class WizardService:
    """Drafts of configurations. Admins only; a draft is its writer's own."""

    def __init__(
        self,
        ground: Ground,
        *,
        configurations: ConfigurationService,
        secrets: SecretService,
        provider: ProviderFactory,
        next_slots: NextSlots,
    ) -> None:
        self._store = ground.store
        self._clock = ground.clock
        self._access = ground.access
        self._configurations = configurations
        self._notices = ground.notices
        self._secrets = secrets
        self._provider = provider
        self._next_slots = next_slots
        self._wake = ground.wake

    async def setup(self, actor: Actor) -> Draft:
        """Return the draft of a new configuration: where it was left, or an empty one."""
        await self._access.require(actor, Role.ADMIN, "setup")
        draft = await self._store.drafts.about(actor.id, None)
        if draft is not None:
            return draft
        return await self._begin(actor, None, 0, empty_fields())

    async def anew(self, actor: Actor) -> Draft:
        """Return an empty draft of a new configuration; an earlier one is forgotten."""
        await self._access.require(actor, Role.ADMIN, "setup")
        return await self._begin(actor, None, 0, empty_fields())

    async def edit(self, actor: Actor, name: str | None, *, channel: str | None = None) -> Draft:
        """Return the draft of a stored configuration, filled with what is stored.

        One that was begun at an earlier revision is begun anew. `name` as for
        `ConfigurationService.resolve`.
        """
        await self._access.require(actor, Role.ADMIN, "edit", name or "")
        chosen = await self._configurations.resolve(name, channel=channel)
        draft = await self._store.drafts.about(actor.id, chosen.id)
        if draft is not None and draft.revision == chosen.revision:
            return draft
        return await self._begin(actor, chosen.id, chosen.revision, fields_of(chosen.spec))

    async def get(self, actor: Actor, draft_id: str) -> Draft:
        """Return one's own draft; raises `NotFoundError` (``draft_over``)."""
        await self._access.require(actor, Role.ADMIN, "setup")
        return await self._store.drafts.get(actor.id, draft_id)

    async def put(self, actor: Actor, draft_id: str, entered: Mapping[str, str]) -> Draft:
        """Keep what was entered, right or wrong; a secret is sealed first.

        An empty secret leaves the one that is kept.
        """
        await self._access.require(actor, Role.ADMIN, "setup")
        kept = dict(entered)
        for key in SECRET_KEYS & kept.keys():
            if kept[key]:
                kept[key] = await self._secrets.refer(actor, kept[key])
            else:
                del kept[key]
        before = (await self._store.drafts.get(actor.id, draft_id)).fields
        if any(before.get(key, "") != kept[key] for key in _OF_SIGN_IN & kept.keys()):
            kept |= {COMPANY: "", SIGNED_IN: ""}
        return await self._store.drafts.put(actor.id, draft_id, kept, now=self._clock.now())

    async def taken(self, owner: str, draft_id: str, name: str) -> str | None:
        """Return the name of another configuration that a draft's collides with, or None.

        Raises `NotFoundError` for a draft that is not this actor id's own.
        """
        draft = await self._store.drafts.get(owner, draft_id)
        stored = await self._store.configurations.by_name(name)
        return stored.name if stored is not None and stored.id != draft.configuration else None

    async def judge(self, draft: Draft) -> tuple[ConfigurationSpec | None, dict[str, str]]:
        """Return the configuration that a draft describes, and what is wrong by field."""
        stored = await self._stored(draft)
        spec, errors = judged(draft.fields, base=stored.spec if stored else None)
        other = await self.taken(draft.owner, draft.id, draft.fields.get("name", ""))
        if other is not None:
            errors["name"] = (
                f"There is a configuration called {other} already; case does not count."
            )
        return (None if errors else spec), errors

    async def check(self, actor: Actor, draft: Draft) -> DraftCheck:
        """Ask the draft's provider what works, and show five people as they would be."""
        await self._access.require(
            actor, Role.OPERATOR, "config.test", draft.fields.get("name", "")
        )
        then = await self._then(draft)
        provider = await self._provider(then)
        try:
            report = with_mapping(await provider.check(), then)
        finally:
            await provider.aclose()
        seen = {COMPANY: report.company, SIGNED_IN: "yes" if report.ok else "no"}
        await self._store.drafts.put(actor.id, draft.id, seen, now=self._clock.now())
        people = [mapped_person(user, then) for user in report.sample[:SHOWN_PEOPLE]]
        return DraftCheck(
            report=report,
            people=tuple(people),
            other_company=await self._other_company(draft, report),
        )

    async def effect(self, actor: Actor, draft: Draft) -> Effect:
        """Read the directory once and say what saving the draft would mean for its people."""
        await self._access.require(actor, Role.ADMIN, "edit", draft.fields.get("name", ""))
        now, then = await self._stored(draft), await self._then(draft)
        provider = await self._provider(_reading_both(now, then))
        try:
            return await effect_of(provider, now=now, then=then)
        finally:
            await provider.aclose()

    async def save(
        self, actor: Actor, draft_id: str, *, remove: bool = False, other_company: bool = False
    ) -> Configuration:
        """Store what a draft describes, and forget the draft.

        With `remove`, people who leave the scope by this edit are removed through the guard
        instead of being kept. A schedule that was stopped for its sign-in goes on if the sign-in
        was tried and worked. `other_company` confirms that another company is meant. Raises
        `ConflictError` (``configuration_changed``, ``other_company``), `ConfigurationError` (also
        ``sign_in_untried``: it was changed and not tried since).
        """
        draft = await self.get(actor, draft_id)
        await self._access.require(actor, Role.ADMIN, "edit", draft.fields.get("name", ""))
        spec, errors = await self.judge(draft)
        if spec is None:
            raise ConfigurationError(next(iter(errors.values())), code="draft_incomplete")
        stored = await self._stored(draft)
        if (stored is None or stored.spec.provider != spec.provider) and not draft.fields.get(
            SIGNED_IN
        ):
            raise _untried()
        before = await self._store.settings.get(_company_key(stored.id)) if stored else None
        company = draft.fields.get(COMPANY, "")
        if before and company and company != before and not other_company:
            raise _other(before, company)
        saved = await self._store.configurations.save(
            spec,
            configuration=draft.configuration,
            revision=draft.revision,
            remove=remove,
            signed_in=draft.fields.get(SIGNED_IN) == "yes",
            by=actor,
            now=self._clock.now(),
        )
        if company:
            await self._store.settings.set(_company_key(saved.id), company)
        await self._store.drafts.drop(actor.id, draft.id)
        done = "updated" if draft.configuration else "created"
        await self._notices.record(
            actor,
            f"configuration_{done}",
            f"{done} the configuration {saved.name}",
            channel=saved.spec.channel,
        )
        self._wake()
        return saved

    def slots(self, draft: Draft) -> list[datetime]:
        """Return the next three starts of what a draft describes, in UTC; none if it is wrong."""
        spec, _ = judged(draft.fields)
        return self._next_slots(spec.schedule, self._clock.now()) if spec and spec.schedule else []

    async def _begin(
        self,
        actor: Actor,
        configuration: ConfigurationId | None,
        revision: int,
        fields: dict[str, str],
    ) -> Draft:
        return await self._store.drafts.begin(
            actor.id, configuration, revision=revision, fields=fields, now=self._clock.now()
        )

    async def _stored(self, draft: Draft) -> Configuration | None:
        """Return what the draft edits. Raises `ConflictError` if that was changed meanwhile."""
        if draft.configuration is None:
            return None
        stored = await self._store.configurations.get(draft.configuration)
        if stored.revision != draft.revision:
            raise ConflictError(
                f"{stored.name} was changed by somebody else meanwhile, so nothing was saved.",
                code="configuration_changed",
                hint="Open it again: the form then shows how it stands now.",
            )
        return stored

    async def _then(self, draft: Draft) -> Configuration:
        """Return the configuration as it would be. Raises `ConfigurationError`."""
        spec, errors = await self.judge(draft)
        if spec is None:
            raise ConfigurationError(next(iter(errors.values())), code="draft_incomplete")
        return _as_stored(spec, draft, self._clock.now())

    async def _other_company(self, draft: Draft, report: CheckReport) -> str:
        if draft.configuration is None or not report.company:
            return ""
        before = await self._store.settings.get(_company_key(draft.configuration)) or ""
        return before if before != report.company else ""


def _as_stored(spec: ConfigurationSpec, draft: Draft, now: datetime) -> Configuration:
    return Configuration(
        id=draft.configuration or ConfigurationId("draft"),
        account_id=DEFAULT_ACCOUNT,
        spec=spec,
        enabled=True,
        revision=draft.revision,
        scope_revision=draft.revision,
        previous_scope=None,
        created_at=now,
        created_by=draft.owner,
    )


def _reading_both(now: Configuration | None, then: Configuration) -> Configuration:
    """Return `then` with what the present mapping and scope read, so that both can be compared."""
    if now is None:
        return then
    both = {f"now.{key}": path for key, path in now.mapping.items()} | dict(then.spec.mapping)
    spec = replace(then.spec, mapping=both)
    return replace(then, spec=spec, previous_scope=now.spec.scope)


def _company_key(configuration: ConfigurationId) -> str:
    return f"company:{configuration}"


def _untried() -> ConfigurationError:
    return ConfigurationError(
        "The sign-in was changed and not tried since, so nothing was saved.",
        code="sign_in_untried",
        hint="Go to Sign-in and try it: that shows which company it reaches.",
    )


def _other(before: str, company: str) -> ConflictError:
    return ConflictError(
        f"This signs in to {company}; until now it was {before}.",
        code="other_company",
        hint="People of another directory have other ids: those provisioned until now would count "
        "as gone. Confirm it if that is meant.",
    )
