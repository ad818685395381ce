"""How the chat page looks: clean under axe-core in every state, in both themes, on a phone."""

import page_blocks as kit
import pytest
from page_world import OWNER, box, conversation
from playwright.async_api import expect

from tests.support.browser import shot, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_state_of_the_page_is_clean_under_axe(page, server, scheme):
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await conversation(server)
    await expect(page.locator(".plan")).to_be_visible()
    await shot(page, f"{scheme}-run-card")
    found = {"run card": await violations(page)}

    await page.get_by_role("button", name="2 replies").click()
    await shot(page, f"{scheme}-thread")
    found["thread"] = await violations(page)
    await page.keyboard.press("Escape")

    server.post("r", blocks=kit.RESULT)
    server.post("t", blocks=kit.TABLE, only_for=OWNER)
    await expect(page.locator("table")).to_be_visible()
    await shot(page, f"{scheme}-table")
    found["table"] = await violations(page)

    server.post("p", blocks=kit.PLAYGROUND)
    await expect(page.get_by_text("from_the_future")).to_be_visible()
    await shot(page, f"{scheme}-playground")
    await page.get_by_role("button", name="A person").click()
    found["playground"] = await violations(page)
    await page.keyboard.press("Escape")

    server.open_modal(kit.modal())
    await expect(page.get_by_role("dialog")).to_be_visible()
    await shot(page, f"{scheme}-modal")
    found["modal"] = await violations(page)
    await page.keyboard.press("Escape")

    await box(page).press_sequentially("/dirsync s")
    await expect(page.locator("#composer .completion")).to_be_visible()
    await shot(page, f"{scheme}-completion")
    found["completion"] = await violations(page)

    await page.locator('#sidebar [data-channel="D0OWNER001"]').click()
    server.publish_home(kit.HOME)
    await expect(page.locator(".home .header")).to_be_visible()
    await shot(page, f"{scheme}-home")
    found["home"] = await violations(page)
    assert {state: errors for state, errors in found.items() if errors} == {}


async def test_a_chosen_theme_wins_over_the_systems(page):
    await page.get_by_role("button", name="Theme").click()
    await page.get_by_role("menuitemradio", name="Dark").click()
    await page.reload()
    background = "getComputedStyle(document.querySelector('#conversation')).backgroundColor"
    assert await page.evaluate(background) == "rgb(21, 24, 29)"


async def test_on_a_phone_the_side_bar_is_a_drawer_and_nothing_overflows(page, server):
    await page.set_viewport_size({"width": 390, "height": 780})
    await conversation(server)
    server.post("t", blocks=kit.TABLE)
    await expect(page.locator("#sidebar")).to_be_hidden()
    await shot(page, "phone-conversation")
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.get_by_role("button", name="Open the side bar").click()
    await expect(page.locator("#sidebar")).to_be_in_viewport(ratio=1)
    await shot(page, "phone-drawer")
    assert await violations(page) == []
    await page.locator('#sidebar [data-channel="C0GENERAL1"]').click()
    await expect(page.locator("#sidebar")).to_be_hidden()
    server.open_modal(kit.modal())
    await expect(page.get_by_role("dialog")).to_be_visible()
    await shot(page, "phone-modal")
