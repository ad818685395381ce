"""Pictures drawn by a charting library, where the extra `charts` is installed."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence

from core.model.desk import LicenseDay

SIZE = (8.0, 3.2)
"""Inches, at 120 dots each."""


def can_draw() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def trend_picture(days: Sequence[LicenseDay]) -> bytes:
    """Return a PNG of the used licenses, day by day, under the total, with those who waited.

    Slow the first time, and never to be run in the event loop.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow, an extra
    from matplotlib.dates import (  # noqa: PLC0415
        AutoDateLocator,
        ConciseDateFormatter,
        date2num,
    )
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=SIZE, dpi=120, layout="constrained")
    axes = figure.subplots()
    moments = [float(date2num(each.day)) for each in days]
    used = [each.used for each in days]
    axes.fill_between(moments, used, step="post", alpha=0.25, color="#1264a3")
    axes.step(moments, used, where="post", color="#1264a3", linewidth=2, label="in use")
    total = [each.total for each in days]
    axes.step(moments, total, where="post", color="#616061", linestyle="--", label="total")
    if any(each.waiting for each in days):
        waiting = [each.waiting for each in days]
        axes.step(moments, waiting, where="post", color="#b5480c", label="waiting")
    axes.set_ylim(bottom=0, top=1.25 * max([1, *total, *used]))
    axes.set_title("Licenses over the last 90 days", loc="left")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="upper left", frameon=False, ncols=3)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()
