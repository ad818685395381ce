"""A headless Chromium for tests, what axe-core says of a page, and screenshots."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

SHOTS = Path(__file__).resolve().parents[2] / "artefacts" / "screenshots"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=30_000)  # milliseconds, for machines that do other things as well
AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "preload": False,  # which reads style sheets in a way that the pages' policy forbids
}


def chromium() -> str:
    """The browser's path; without one the tests are skipped, or fail where all are required."""
    path = shutil.which("chromium")
    if path:
        return path
    if os.environ.get("DIRSYNC_TEST_REQUIRE") == "all":
        pytest.fail("DIRSYNC_TEST_REQUIRE=all, and there is no chromium on the PATH")
    pytest.skip("no chromium on the PATH: the page is not tried in a browser")


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser that is closed afterwards."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


async def shot(page: Page, name: str) -> None:
    """Keep a screenshot among the artefacts."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png", animations="disabled")


async def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, in a line each."""
    results = await Axe().run(page, options=AXE_RULES)
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in results.response["violations"]
        for node in found["nodes"]
    ]
