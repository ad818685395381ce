"""`/metrics` for Prometheus: figures about cycles, licenses and messages, about nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Gauge,
    generate_latest,
)

from core.errors import StoreError
from core.services.health import Figures

ReadFigures = Callable[[], Awaitable[Figures]]


def add_metrics(app: web.Application, figures: ReadFigures) -> None:
    """Add the route; figures are read from the store at every request.

    What other parts of the process register with the default registry is in the answer too.
    """

    async def metrics(request: web.Request) -> web.Response:
        del request
        body = generate_latest(REGISTRY) + generate_latest(await _registry(figures))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/metrics", metrics)


async def _registry(read: ReadFigures) -> CollectorRegistry:
    registry = CollectorRegistry()
    up = Gauge("dirsync_store_up", "1 if the database answers.", registry=registry)
    try:
        found = await read()
    except StoreError:
        up.set(0)
        return registry
    up.set(1)
    _cycles(registry, found)
    _messages(registry, found)
    _people(registry, found)
    return registry


def _cycles(registry: CollectorRegistry, found: Figures) -> None:
    number = Gauge(
        "dirsync_cycles",
        "Finished cycles in the history, by configuration and result.",
        ["configuration", "result"],
        registry=registry,
    )
    for (configuration, result), value in found.cycles.items():
        number.labels(configuration, result).set(value)
    seconds = Gauge(
        "dirsync_last_cycle_duration_seconds",
        "How long the last finished cycle took.",
        ["configuration"],
        registry=registry,
    )
    for configuration, took in found.durations.items():
        seconds.labels(configuration).set(took)
    age = Gauge(
        "dirsync_last_success_age_seconds",
        "Time since the last cycle that was successful, at least in part.",
        ["configuration"],
        registry=registry,
    )
    for configuration, since in found.ages.items():
        age.labels(configuration).set(since)
    opened = Gauge("dirsync_open_cycles", "Cycles that are queued or run.", registry=registry)
    opened.set(found.open_cycles)


def _messages(registry: CollectorRegistry, found: Figures) -> None:
    backlog = Gauge(
        "dirsync_outbox_messages", "Messages in the outbox.", ["state"], registry=registry
    )
    backlog.labels("pending").set(found.pending)
    backlog.labels("undeliverable").set(found.undeliverable)


def _people(registry: CollectorRegistry, found: Figures) -> None:
    people = Gauge("dirsync_people", "People by status.", ["status"], registry=registry)
    for status, value in found.people.items():
        people.labels(status).set(value)
    if found.licenses is None:
        return
    licenses = Gauge("dirsync_licenses", "The license pool.", ["state"], registry=registry)
    licenses.labels("total").set(found.licenses.total)
    licenses.labels("used").set(found.licenses.used)
    licenses.labels("free").set(found.licenses.free)
