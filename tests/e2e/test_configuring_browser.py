"""A configuration's whole life in a real browser: set up, edited, disabled, signed in, deleted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.browser import launched, shot, violations
from tests.support.databases import BACKENDS, fresh_database
from tests.support.demo_command import RunningDemo, running_demo

pytestmark = pytest.mark.asyncio(loop_scope="module")
SLOW = 20_000
REFERENCE = "env:DIRSYNC_CREDENTIAL_DEMO"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.fixture(params=BACKENDS)
def demo(request, browser, tmp_path):
    with (
        fresh_database(request.param, tmp_path, migrated=False) as url,
        running_demo("--database", url, "--people", "30", cwd=tmp_path) as running,
    ):
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, demo: RunningDemo) -> AsyncIterator[Page]:
    page = await browser.new_page(
        viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="UTC"
    )
    page.set_default_timeout(SLOW)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await back_to_chat(page, demo)
    yield page
    assert errors == []
    await page.close()


async def back_to_chat(page: Page, demo: RunningDemo) -> None:
    await page.goto(demo.url)
    await expect(page.locator("h1")).to_contain_text("it-directory")


async def type_command(page: Page, text: str) -> None:
    await page.locator("#composer-input").fill(text)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")


async def form(page: Page, command: str, text: str) -> Locator:
    await type_command(page, command)
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(text, timeout=SLOW)
    return dialog


async def go(dialog: Locator, button: str, text: str) -> None:
    """Press a button of the form and wait for what comes."""
    await dialog.get_by_role("button", name=button, exact=True).last.click()
    await expect(dialog).to_contain_text(text, timeout=SLOW)


async def enter(dialog: Locator, **fields: str) -> None:
    for label, value in fields.items():
        await dialog.get_by_role("textbox", name=label.replace("_", " ")).fill(value)


def messages(page: Page, text: str | re.Pattern[str]) -> Locator:
    return page.locator("[data-ts]").filter(has_text=text)


async def close(dialog: Locator) -> None:
    await dialog.get_by_role("button", name="Close", exact=True).last.click()


async def set_up(page: Page, demo: RunningDemo, shots: str) -> None:
    dialog = await form(page, "/dirsync setup", "Where the people come from")
    assert await violations(page) == []
    await enter(dialog, Name="staff")
    await go(dialog, "Next", "Bearer token")
    await enter(dialog, Base_URL=f"{demo.url}/scim/v2", Bearer_token=REFERENCE)
    await shot(page, f"{shots}-1-sign-in")
    await go(dialog, "Sign in", "Is that the right one?")
    await shot(page, f"{shots}-2-reached")
    assert await violations(page) == []
    await go(dialog, "Next", "Who is provisioned")
    await go(dialog, "Next", "The account has")
    await enter(dialog, Attributes="title = title")
    await go(dialog, "Try it", "Five of them")
    await go(dialog, "Next", "It starts")
    await go(dialog, "Next", "Hold removals over")
    await go(dialog, "Next", "are in scope")
    await shot(page, f"{shots}-3-summary")
    assert await violations(page) == []
    await dialog.get_by_role("radio", name="Save and sync now").check()
    await go(dialog, "Save", "is saved.")
    await close(dialog)
    await expect(messages(page, "30 created").last).to_be_visible(timeout=SLOW)


async def edit(page: Page, shots: str) -> None:
    dialog = await form(page, "/dirsync edit staff", "Everybody in the directory")
    await go(dialog, "Change scope", "Who is provisioned")
    await enter(dialog, Groups="Engineering")
    await go(dialog, "Done", "would leave")
    await shot(page, f"{shots}-4-edit-effect")
    assert await violations(page) == []
    await go(dialog, "Change scope", "Who is provisioned")
    await enter(dialog, Groups="")
    await go(dialog, "Done", "0 would leave")
    await go(dialog, "Save", "is saved.")
    await close(dialog)


async def disable_while_it_runs(page: Page, demo: RunningDemo, shots: str) -> None:
    await press(page, demo, "Slow answers")
    await type_command(page, "/dirsync sync staff")
    await expect(messages(page, "staff: Running").last).to_be_visible(timeout=SLOW)
    dialog = await form(page, "/dirsync disable staff", "ends as cancelled")
    await enter(dialog, Why="freeze")
    await shot(page, f"{shots}-5-disable")
    await go(dialog, "Disable", "Nothing of it runs any more")
    await close(dialog)
    await expect(messages(page, "staff: Cancelled").last).to_be_visible(timeout=SLOW)
    await press(page, demo, "Back to normal")
    await type_command(page, "/dirsync enable staff")
    await expect(messages(page, "staff is enabled").last).to_be_visible(timeout=SLOW)


async def lose_the_sign_in(page: Page, demo: RunningDemo, shots: str) -> None:
    await press(page, demo, "Token refused")
    await type_command(page, "/dirsync sync staff")
    await expect(messages(page, "staff: Sign-in needed").last).to_be_visible(timeout=SLOW)
    await shot(page, f"{shots}-6-sign-in-lost")
    await press(page, demo, "Back to normal")
    await page.get_by_role("button", name="Sign in again").last.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Bearer token", timeout=SLOW)
    await go(dialog, "Sign in", "Is that the right one?")
    await go(dialog, "Next", "are in scope")
    await dialog.get_by_role("radio", name="Save and sync now").check()
    await go(dialog, "Save", "is saved.")
    await close(dialog)
    await expect(messages(page, "staff: Sign-in needed: over").last).to_be_visible(timeout=SLOW)
    await expect(messages(page, "Sync recovered").last).to_be_visible(timeout=SLOW)


async def delete(page: Page, shots: str) -> None:
    dialog = await form(page, "/dirsync delete staff", "This is permanent")
    await enter(dialog, Type="stuff", Why="merged")
    await go(dialog, "Delete for good", "Type the name exactly")
    await shot(page, f"{shots}-7-delete-wrong-name")
    assert await violations(page) == []
    await enter(dialog, Type="staff")
    await go(dialog, "Delete for good", "is deleted")
    await close(dialog)
    await expect(messages(page, "deleted the configuration staff").last).to_be_visible()
    await shot(page, f"{shots}-8-deleted")


async def press(page: Page, demo: RunningDemo, button: str) -> None:
    """Press a button of the provider's page, and come back to the chat."""
    await page.goto(f"{demo.url}/directory/")
    await page.get_by_role("button", name=button, exact=True).click()
    await back_to_chat(page, demo)


@pytest.mark.timeout(240)
async def test_a_configuration_lives_and_ends_without_a_console(page, demo, request):
    shots = f"configuring-{request.node.callspec.params['demo']}"
    await set_up(page, demo, shots)
    await edit(page, shots)
    await disable_while_it_runs(page, demo, shots)
    await lose_the_sign_in(page, demo, shots)
    await delete(page, shots)
