"""The chat page in a browser, against the real server with a scripted app behind it."""

from collections.abc import AsyncIterator

import pytest_asyncio
from page_world import World, world
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.support.browser import launched


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[World]:
    async with world() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 860}, locale="en-GB", timezone_id="UTC"
    )
    context.set_default_timeout(30_000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, server: World) -> AsyncIterator[Page]:
    """The page, connected; it fails the test when the page logs an error or breaks its policy."""
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    await server.watch(page)
    await page.goto(server.url)
    await expect(page.locator("h1")).to_contain_text("it-directory")
    yield page
    wanted = [error for error in errors if "WebSocket connection" not in error]
    assert wanted == []
