"""A newcomer's first minutes with `dirsync demo` in a real browser, against the real command."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.support.browser import launched, shot, violations
from tests.support.demo_command import RunningDemo, running_demo

pytestmark = pytest.mark.asyncio(loop_scope="module")
SLOW = 20_000
"""Milliseconds for what a cycle and its delivery may take."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def demo(browser, tmp_path_factory):
    """The command itself, without anything in its environment."""
    with running_demo(cwd=tmp_path_factory.mktemp("newcomer")) as running:
        yield running
        assert running.end() == 0


@pytest_asyncio.fixture(loop_scope="module", params=["light", "dark"])
async def context(browser: Browser, request) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 900},
        locale="en-GB",
        timezone_id="UTC",
        color_scheme=request.param,
    )
    context.set_default_timeout(30_000)
    yield context
    await context.close()


@pytest.fixture
def theme(context, request) -> str:
    return str(request.node.callspec.params["context"])


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, demo: RunningDemo) -> AsyncIterator[Page]:
    """The chat page; nothing may be loaded from elsewhere, and no script may fail."""
    page = await context.new_page()
    errors: list[str] = []
    strangers: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((demo.url, "data:")) else strangers.append(asked.url)
        ),
    )
    await page.goto(demo.url)
    await expect(page.locator("h1")).to_contain_text("it-directory")
    yield page
    assert errors == []
    assert strangers == []


async def type_command(page: Page, text: str) -> None:
    await page.locator("#composer-input").fill(text)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")


async def press(page: Page, demo: RunningDemo, button: str) -> None:
    """Press a button of the provider's page, as a person does."""
    await page.goto(f"{demo.url}/directory/")
    await page.get_by_role("button", name=button, exact=True).click()


async def back_to_chat(page: Page, demo: RunningDemo) -> None:
    await page.goto(demo.url)
    await expect(page.locator("h1")).to_contain_text("it-directory")


def messages(page: Page, text: str):
    return page.locator("[data-ts]").filter(has_text=text)


async def test_a_newcomer_syncs_and_sees_everybody_arrive(page, demo, theme):
    """The first run in the light creates everybody; the second, in the dark, changes nothing."""
    await shot(page, f"demo-{theme}-1-first-look")
    await type_command(page, "/dirsync")
    await expect(page.get_by_role("button", name="Sync now").last).to_be_visible()
    await type_command(page, "/dirsync sync")
    created = "120 created" if theme == "light" else "Nothing changed"
    await expect(messages(page, f"{created}").last).to_be_visible(timeout=SLOW)
    await expect(messages(page, "Partial success").last).to_be_visible()
    await page.get_by_role("button", name="View errors").last.click()
    await expect(messages(page, "Errors of people-scim").last).to_be_visible()
    await shot(page, f"demo-{theme}-2-everybody-arrived")
    assert await violations(page) == []


async def test_the_app_home_shows_the_state(page, theme):
    await page.locator("#sidebar [data-channel]").filter(has_text="dirsync").first.click()
    await page.get_by_role("tab", name="Home").click()
    await expect(page.get_by_text("people-scim").first).to_be_visible(timeout=SLOW)
    await shot(page, f"demo-{theme}-3-home")
    assert await violations(page) == []


async def test_the_mailbox_has_an_invitation_for_everybody(page, demo, theme):
    await page.goto(f"{demo.url}/mail/")
    await expect(page.get_by_text("120").first).to_be_visible()
    await shot(page, f"demo-{theme}-4-mailbox")
    assert await violations(page) == []
    await page.locator("main a[href*='.eml']").first.click()
    await expect(page.locator("iframe")).to_be_visible()
    await shot(page, f"demo-{theme}-5-invitation")
    assert await violations(page) == []


async def test_somebody_accepts_on_a_phone_and_then_everybody_does(page, demo, theme):
    """In the light one accepts by hand and the rest at once; in the dark a late one looks."""
    await page.set_viewport_size({"width": 390, "height": 844})
    links = (await (await page.request.get(f"{demo.url}/mail/invitations")).json())["links"]
    if theme == "light":
        await page.goto(links[0])
        await shot(page, f"demo-{theme}-9-invitation-page")
        assert await violations(page) == []
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name="Accept the invitation").click()
        await expect(page.locator("h1")).to_contain_text("Welcome")
        assert await violations(page) == []
        await page.goto(f"{demo.url}/mail/")
        await page.get_by_role("button", name="Everybody accepts").click(timeout=SLOW)
        await expect(page.locator("main")).to_contain_text("20 wait for one", timeout=SLOW)
        await back_to_chat(page, demo)
        await expect(messages(page, "Licenses are exhausted").last).to_be_visible(timeout=SLOW)
        return
    used = await page.request.get(links[0])
    assert "This link does not work" in await used.text()
    await page.goto(await waiting_link(page, links))
    await expect(page.locator("h1")).to_contain_text("You are in line")
    await shot(page, f"demo-{theme}-10-in-line")
    assert await violations(page) == []


async def waiting_link(page: Page, links: list[str]) -> str:
    """Return the first link that belongs to somebody who waits."""
    for link in links:
        if "You are in line" in await (await page.request.get(link)).text():
            return link
    pytest.fail("nobody waits")


async def test_forty_who_leave_are_held_for_an_admin(page, demo, theme):
    await page.goto(f"{demo.url}/directory/")
    await shot(page, f"demo-{theme}-6-directory")
    assert await violations(page) == []
    for _ in range(5):
        await press(page, demo, "3 leavers")
    await back_to_chat(page, demo)
    await type_command(page, "/dirsync sync")
    await expect(messages(page, "15 removals held").last).to_be_visible(timeout=SLOW)
    await page.get_by_role("button", name="Review", exact=True).last.click()
    await expect(page.get_by_role("button", name="Approve all 15").last).to_be_visible()
    await shot(page, f"demo-{theme}-7-held")
    assert await violations(page) == []
    await press(page, demo, "Everyone back")


async def test_a_provider_that_is_down_is_a_failure_with_its_reason(page, demo, theme):
    await press(page, demo, "Provider down")
    await back_to_chat(page, demo)
    await type_command(page, "/dirsync sync")
    await expect(messages(page, "Sync failed").last).to_be_visible(timeout=SLOW)
    await shot(page, f"demo-{theme}-8-failure")
    assert await violations(page) == []
    await press(page, demo, "Back to normal")
