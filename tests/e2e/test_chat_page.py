"""The chat page in a real browser: what is seen, typed and clicked, and what is sent for it."""

import re

import page_blocks as kit
import pytest
from page_world import ADMIN, GENERAL, OPS, OWNER, box
from playwright.async_api import expect

from tests.support.browser import shot

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_messages_appear_without_reload_and_are_edited_and_deleted_in_place(page, server):
    ts = server.post("Hello *all*")
    message = page.locator(f'[data-ts="{ts}"]')
    await expect(message.locator("strong")).to_have_text("all")
    server.edit(ts, "Changed")
    await expect(message.locator(".message-text")).to_have_text("Changed (edited)")
    server.delete(ts)
    await expect(message).to_have_count(0)


async def test_directory_data_never_becomes_markup_and_entities_are_unescaped_once(page, server):
    ts = server.post(
        text="&lt;img src=x onerror=alert(1)&gt; &amp;lt; <javascript:alert(1)|click> `a &lt; b`"
    )
    text = page.locator(f'[data-ts="{ts}"] .message-text')
    await expect(text).to_have_text("<img src=x onerror=alert(1)> &lt; click a < b")
    await expect(text.locator("a, img")).to_have_count(0)


MRKDWN = {
    "*bold* _it_ ~no~": "<strong>bold</strong> <em>it</em> <s>no</s>",
    "2*3*4 and snake_case_name": "2*3*4 and snake_case_name",
    "*_both_*": "<strong><em>both</em></strong>",
    "`*code*`": '<code class="code">*code*</code>',
    "&gt; said\nback": "<blockquote>said</blockquote>back",
    ":tada: :unknown_one:": "🎉 :unknown_one:",
    "<!channel>": '<span class="mention mention-me">@channel</span>',
    "<#C0GENERAL1>": '<a class="mention" href="#C0GENERAL1">#general</a>',
    "<@U0ADMIN001>": '<span class="mention">@Tomasz Wójcik</span>',
    "<!date^1760000000^{date_num}|soon>": '<time title="soon">2025-10-09</time>',
    "a\n```x *y*\nz```\nb": ('a<pre class="code-block" tabindex="0"><code>x *y*\nz</code></pre>b'),
}


async def test_mrkdwn_is_rendered_as_slack_does(page, server):
    stamps = {server.post(text): (text, html) for text, html in MRKDWN.items()}
    await expect(page.locator(".message-text")).to_have_count(len(stamps))
    shown = {
        text: await page.locator(f'[data-ts="{ts}"] .message-text').inner_html()
        for ts, (text, _) in stamps.items()
    }
    assert shown == MRKDWN


async def test_links_open_apart_and_only_to_safe_addresses(page, server):
    ts = server.post("<https://a.example/?a=1&amp;b=2|docs> https://b.example.")
    links = page.locator(f'[data-ts="{ts}"] a')
    await expect(links).to_have_text(["docs", "https://b.example"])
    assert await links.first.get_attribute("href") == "https://a.example/?a=1&b=2"
    assert await links.first.get_attribute("rel") == "noopener noreferrer"


async def test_private_answers_say_who_sees_them(page, server):
    server.post("Only for you", only_for=OWNER)
    await expect(page.locator(".message.ephemeral")).to_contain_text("Only visible to you")


async def test_the_list_stays_where_it_was_read_and_follows_only_at_the_end(page, server):
    for number in range(40):
        server.post(f"line {number}", user=ADMIN)
    scroller = page.locator(".scroller")
    await expect(page.locator(".messages").get_by_text("line 39")).to_be_in_viewport()
    await scroller.evaluate("node => node.scrollTo(0, 100)")
    server.post("a late one", user=ADMIN)
    await expect(page.locator(".pill")).to_have_text("1 new message")
    assert await scroller.evaluate("node => node.scrollTop") == 100
    await page.locator(".pill").click()
    await expect(page.locator(".messages").get_by_text("a late one")).to_be_in_viewport()
    await expect(page.locator(".pill")).to_be_hidden()
    await scroller.evaluate("node => node.scrollTo(0, 100)")
    await expect(page.locator(".pill")).to_be_visible()
    await expect(page.locator(".pill")).to_have_text("Latest messages")
    await page.fill("#composer-input", "/dirsync status")
    await page.press("#composer-input", "Enter")
    await expect(page.locator(".pill")).to_be_hidden()
    server.post("the answer", only_for=OWNER)
    await expect(page.locator(".messages").get_by_text("the answer")).to_be_in_viewport()


async def test_new_messages_are_announced_and_counted_elsewhere(page, server):
    server.post("Are you *there*?", channel=GENERAL, user=ADMIN)
    entry = page.locator('#sidebar [data-channel="C0GENERAL1"]')
    await expect(entry.locator(".side-badge")).to_contain_text("1")
    await expect(page.locator("#live")).to_contain_text("Tomasz Wójcik in general: Are you there?")
    await expect(page).to_have_title("(1) it-directory · Larkspur & Finch")
    await entry.click()
    await expect(page.locator(".divider-new")).to_be_visible()
    await expect(entry.locator(".side-badge")).to_have_count(0)
    assert (await server.sent("read"))["channel"] == OPS
    assert (await server.sent("read"))["channel"] == GENERAL


async def test_a_thread_opens_beside_and_takes_replies(page, server):
    ts = server.post("The parent")
    server.post("First reply", user=ADMIN, thread_ts=ts)
    await expect(page.locator("#conversation")).not_to_contain_text("First reply")
    await page.get_by_role("button", name="1 reply").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread).to_contain_text("First reply")
    await page.keyboard.type("Second")
    await page.keyboard.press("Enter")
    said = await server.sent("say")
    assert (said["channel"], said["text"], said["thread_ts"]) == (OPS, "Second", ts)
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()
    replies = page.get_by_role("button", name=re.compile(r"^\d+ repl(y|ies)"))
    await expect(replies).to_be_focused()


async def test_a_command_is_completed_with_the_keyboard_and_sent(page, server):
    await box(page).press_sequentially("/d")
    options = page.locator(".completion-item")
    await expect(options).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(box(page)).to_have_value("/dirsync ")
    await expect(options.first).to_contain_text("Start a cycle now")
    await shot(page, "completion")
    await page.keyboard.type("his")
    await page.keyboard.press("Enter")
    await expect(box(page)).to_have_value("/dirsync history ")
    await expect(options).to_have_text("--status partialOnly partial successes")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(box(page)).to_have_value("/dirsync history --status partial ")
    await page.keyboard.press("Enter")
    assert (await server.sent("say"))["text"] == "/dirsync history --status partial"
    await expect(box(page)).to_have_value("")


async def test_a_word_that_is_complete_is_sent_at_once_although_longer_ones_exist(page, server):
    await box(page).press_sequentially("/dirsync user")
    await page.keyboard.press("Enter")
    assert (await server.sent("say"))["text"] == "/dirsync user"


async def test_a_user_group_is_offered_within_a_command_and_sent_as_slack_sends_it(page, server):
    await box(page).press_sequentially("/dirsync roles grant @it-a")
    options = page.locator(".completion-item")
    await expect(options).to_have_text("@it-adminsUser group: IT admins")
    await page.keyboard.press("Enter")
    await page.keyboard.type("operator")
    await page.keyboard.press("Enter")
    sent = (await server.sent("say"))["text"]
    assert sent == "/dirsync roles grant <!subteam^S0ITADMINS|@it-admins> operator"


async def test_escape_closes_the_suggestions_and_keeps_the_text(page):
    await box(page).press_sequentially("/dirsync s")
    await expect(page.locator("#composer .completion")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#composer .completion")).to_be_hidden()
    await expect(box(page)).to_have_value("/dirsync s")


async def test_several_lines_mentions_and_recall(page, server):
    await box(page).press_sequentially("a < b")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("@tom")
    await page.keyboard.press("Enter")
    await page.keyboard.type("look")
    await page.keyboard.press("Enter")
    assert (await server.sent("say"))["text"] == "a < b\n@Tomasz Wójcik look"
    await page.keyboard.press("ArrowUp")
    await expect(box(page)).to_have_value("a < b\n@Tomasz Wójcik look")


async def test_drafts_stay_with_their_conversation(page):
    await box(page).fill("unfinished")
    await page.locator('#sidebar [data-channel="C0GENERAL1"]').click()
    await expect(box(page)).to_have_value("")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(box(page)).to_have_value("unfinished")


async def test_a_command_carries_references_and_waits_visibly_for_its_acknowledgement(page, server):
    server.app.gate.clear()
    await box(page).fill("/dirsync user @Tomasz Wójcik")
    await box(page).press("Enter")
    assert (await server.delivered())["text"] == f"user <@{ADMIN}>"
    await expect(page.locator(".composer-waiting")).to_contain_text("Waiting for /dirsync")
    server.app.gate.set()
    await expect(page.locator("#composer .composer-waiting")).to_be_empty()


async def test_what_the_app_did_not_answer_is_told_privately(page, server):
    server.app.silent = True
    await box(page).fill("/dirsync sync")
    await box(page).press("Enter")
    await expect(page.locator(".message.ephemeral")).to_contain_text(
        "/dirsync failed because the app did not respond (operation_timeout)"
    )


async def test_an_archived_channel_takes_no_messages(page, server):
    server.demo.workspace.change_channel(OPS, is_archived=True)
    await page.reload()
    await expect(page.locator("#composer")).to_contain_text("This channel is archived")
    await expect(box(page)).to_be_hidden()


async def test_the_first_hint_writes_the_command_and_goes_away_with_it(page, server):
    hint = page.locator(".first-hint")
    await expect(hint).to_contain_text("New here? Type /dirsync sync and press Enter.")
    await page.get_by_role("button", name="Write it for me").click()
    await expect(box(page)).to_have_value("/dirsync sync")
    await page.keyboard.press("Enter")
    assert (await server.sent("say"))["text"] == "/dirsync sync"
    await expect(hint).to_have_count(0)


async def test_a_button_sends_its_action_with_the_state_and_shows_that_it_waits(page, server):
    server.app.gate.clear()
    ts = server.post("r", blocks=kit.RESULT)
    button = page.get_by_role("button", name="View errors")
    await button.click()
    sent = await server.sent("action")
    assert (sent["channel"], sent["ts"], sent["ephemeral"]) == (OPS, ts, False)
    assert sent["action"] == {
        "type": "button",
        "action_id": "errors",
        "block_id": "result",
        "value": "v1",
        "text": kit.plain("View errors"),
    }
    await expect(button).to_have_attribute("aria-busy", "true")
    server.app.silent = True
    server.app.gate.set()
    await expect(page.locator(".failure")).to_have_text(
        "The app did not respond. (operation_timeout)"
    )
    await expect(button).not_to_have_attribute("aria-busy", "true")


async def test_a_confirm_dialog_stands_before_the_action(page, server):
    server.post("run", blocks=kit.run_card())
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    await cancel.click()
    dialog = page.get_by_role("alertdialog", name="Cancel this cycle?")
    await expect(dialog.locator("strong")).to_have_text("Nothing further")
    await shot(page, "confirm")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(cancel).to_be_focused()
    await cancel.click()
    await page.get_by_role("button", name="Cancel cycle").click()
    assert (await server.sent("action"))["action"]["action_id"] == "cancel"
    assert not [frame for frame in server.received if frame["type"] == "action"]


async def test_a_run_card_moves_on_in_place_and_keeps_the_focus(page, server):
    ts = server.post("run", blocks=kit.run_card(1))
    await page.get_by_role("button", name="Details").focus()
    server.edit(ts, "run", kit.run_card(4))
    await expect(page.locator(".plan-count")).to_have_text("4 of 6")
    await expect(page.locator(".task-is-complete")).to_have_count(4)
    await expect(page.locator(".task-is-in_progress")).to_contain_text("Invite, in progress")
    await expect(page.get_by_role("button", name="Details")).to_be_focused()


async def test_every_element_yields_slacks_action_and_state(page, server):
    server.post("p", blocks=kit.PLAYGROUND)
    await page.get_by_role("button", name="Pick one").click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    picked = await server.sent("action")
    assert picked["action"] == {
        "type": "static_select",
        "selected_option": kit.option("Failure", "f"),
        "action_id": "pick",
        "block_id": "play",
    }
    assert picked["state"]["values"]["play"]["day"] == {
        "type": "datepicker",
        "selected_date": "2025-10-09",
    }
    await page.get_by_role("button", name="A person").click()
    await page.get_by_role("option", name="Lucas Ferreira").click()
    action = (await server.sent("action"))["action"]
    assert (action["type"], action["selected_user"]) == ("users_select", "U0GUEST001")
    await page.get_by_role("button", name="Where").click()
    await page.get_by_role("option", name="general").click()
    action = (await server.sent("action"))["action"]
    assert action["selected_conversation"] == GENERAL


async def test_an_overflow_menu_is_worked_with_the_keyboard(page, server):
    server.post("r", blocks=kit.RESULT)
    await page.get_by_role("button", name="More actions").press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    action = (await server.sent("action"))["action"]
    assert (action["type"], action["selected_option"]["value"]) == ("overflow", "retry")
    await expect(page.get_by_role("button", name="More actions")).to_be_focused()


async def test_rich_text_markdown_and_unknown_blocks_are_shown_literally(page, server):
    server.post("p", blocks=kit.PLAYGROUND)
    rich = page.locator(".rich-text").first
    await expect(rich).to_contain_text("<b>not markup</b> &amp; left alone")
    await expect(rich.locator("ol li")).to_have_text(["first", "second"])
    await expect(rich.locator("pre")).to_have_text("userName eq ada")
    await expect(page.locator(".markdown strong")).to_have_text("bold")
    await expect(page.locator(".unsupported")).to_contain_text("from_the_future")


async def test_a_table_has_a_heading_row_and_aligned_columns(page, server):
    server.post("t", blocks=kit.TABLE)
    await expect(page.get_by_role("columnheader")).to_have_text(
        ["Cycle", "People", "Errors", "Result"]
    )
    await expect(page.locator("tbody tr").nth(2).locator("td").nth(1)).to_have_class(
        "align-right numeric"
    )


async def test_a_modal_is_checked_sent_and_shows_the_apps_errors_at_the_field(page, server):
    await box(page).focus()
    view_id = server.open_modal(kit.modal())
    dialog = page.get_by_role("dialog", name="Edit configuration")
    name = dialog.get_by_label("Name")
    await expect(name).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".field-error")).to_have_text(
        "Please complete this required field."
    )
    await name.fill("people-scim")
    await dialog.get_by_label("Removals allowed per cycle").fill("200")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.locator(".field-error")).to_have_text(
        "Please enter a number of at most 100."
    )
    await shot(page, "modal-errors")
    await dialog.get_by_label("Removals allowed per cycle").fill("20")
    await dialog.get_by_text("Groups", exact=True).first.click()
    await dialog.get_by_label("Partial success").check()
    server.app.gate.clear()
    server.app.answer = {
        "response_action": "errors",
        "errors": {"name": "That name is taken."},
    }
    await dialog.get_by_role("button", name="Save").click()
    sent = await server.sent("submit")
    values = sent["state"]["values"]
    assert sent["view_id"] == view_id
    assert values["name"]["name"] == {"type": "plain_text_input", "value": "people-scim"}
    assert values["scope"]["scope"]["selected_option"]["value"] == "groups"
    assert [o["value"] for o in values["alerts"]["alerts"]["selected_options"]] == ["partial"]
    assert values["note"]["note"]["value"] is None
    await expect(dialog.get_by_role("button", name="Save")).to_have_attribute("aria-busy", "true")
    server.app.gate.set()
    await expect(dialog.locator(".field-error")).to_have_text("That name is taken.")
    await expect(name).to_be_focused()
    await expect(name).to_have_value("people-scim")
    server.app.answer = {}
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await expect(box(page)).to_be_focused()


async def test_views_are_stacked_updated_and_closed_one_by_one_or_together(page, server):
    modals = server.demo.team.modals
    server.open_modal(kit.modal())
    await page.get_by_label("Name").fill("kept")
    second = str(modals.push(OWNER, kit.modal("Mapping"))["id"])
    await expect(page.get_by_role("dialog", name="Mapping")).to_be_visible()
    modals.update(second, kit.modal("Mapped"))
    await expect(page.get_by_role("dialog", name="Mapped")).to_be_visible()
    await page.get_by_role("button", name="Back").click()
    closed = await server.sent("close")
    assert (closed["view_id"], closed["all"]) == (second, False)
    await expect(page.get_by_label("Name")).to_have_value("kept")
    third = str(modals.push(OWNER, kit.modal("Third"))["id"])
    await expect(page.get_by_role("dialog", name="Third")).to_be_visible()
    await page.get_by_role("button", name="Close").click()
    closed = await server.sent("close")
    assert (closed["view_id"], closed["all"]) == (third, True)
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_modal_that_the_app_does_not_answer_says_so_and_stays(page, server):
    server.app.silent = True
    server.open_modal(kit.modal())
    await page.get_by_label("Name").fill("people-scim")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(
        "We had some trouble connecting. Try again?"
    )
    await expect(page.get_by_label("Name")).to_have_value("people-scim")


async def test_the_focus_stays_in_the_modal_and_a_menu_inside_closes_before_it(page, server):
    server.open_modal(kit.modal())
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Name")).to_be_focused()
    for _ in range(24):
        await page.keyboard.press("Tab")
        assert await dialog.evaluate("node => node.contains(document.activeElement)")
    await dialog.get_by_role("button", name="Groups").click()
    await page.get_by_role("option", name="Sales").click()
    await page.keyboard.press("Escape")
    await expect(page.locator(".popover")).to_have_count(0)
    await expect(dialog.locator(".chip")).to_have_text("Sales")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert (await server.sent("close"))["all"] is False


async def test_the_home_tab_is_asked_for_drawn_and_acted_on(page, server):
    await page.locator('#sidebar [data-channel="D0OWNER001"]').click()
    await server.sent("home")
    await expect(page.locator(".home-empty")).to_contain_text("has not drawn its Home yet")
    server.publish_home(kit.HOME)
    await page.get_by_role("button", name="Sync now").click()
    sent = await server.sent("action")
    assert sent["action"]["action_id"] == "sync"
    payloads = [await server.delivered(), await server.delivered()]
    assert [payload["type"] for payload in payloads] == ["event_callback", "block_actions"]
    await page.get_by_role("tab", name="Home").press("ArrowRight")
    await expect(page.get_by_role("tab", name="Messages")).to_be_focused()
    await expect(box(page)).to_be_visible()


async def test_the_workspace_is_looked_at_as_somebody_else(page, server):
    server.post("private", only_for=OWNER)
    persona = page.get_by_role("button", name="You are: Marlene Öztürk, owner")
    await persona.click()
    await shot(page, "persona-menu")
    await page.get_by_role("menuitemradio", name="Tomasz Wójcik").click()
    assert (await server.sent("be"))["user"] == ADMIN
    await expect(page.get_by_role("button", name="You are: Tomasz Wójcik, admin")).to_be_visible()
    await expect(page.locator(".message.ephemeral")).to_have_count(0)


async def test_a_lost_connection_is_shown_and_everything_is_there_again_after_it(page, server):
    ts = server.post("The parent")
    server.post("mine", only_for=OWNER)
    await page.locator('#sidebar [data-channel="C0GENERAL1"]').click()
    await page.locator('#sidebar [data-channel="C0DIRECTRY"]').click()
    await page.locator(f'[data-ts="{ts}"]').hover()
    await page.get_by_role("button", name="Reply in thread to dirsync").click()
    await page.locator("#thread-input").fill("half a reply")
    await box(page).fill("half a thought")
    await server.cut()
    await expect(page.locator("#connection")).to_contain_text("Reconnecting")
    await expect(page.locator("#composer").get_by_label("Send")).to_be_disabled()
    await shot(page, "reconnecting")
    await box(page).press("Enter")
    await expect(box(page)).to_have_value("half a thought")
    server.edit(ts, "The parent, meanwhile edited")
    server.reachable = True
    await expect(page.locator("#connection")).to_be_empty()
    await expect(page.locator("#conversation")).to_contain_text("meanwhile edited")
    await expect(page.locator(".message.ephemeral")).to_contain_text("mine")
    await expect(box(page)).to_have_value("half a thought")
    await expect(page.locator("#thread-input")).to_have_value("half a reply")


async def test_the_persona_and_the_conversation_survive_a_reload(page, server):
    await page.locator("#persona").click()
    await page.get_by_role("menuitemradio", name="森 はるか").click()
    await page.locator('#sidebar [data-channel="C0GENERAL1"]').click()
    await page.reload()
    await expect(page.locator("#persona")).to_contain_text("森 はるか, member")
    await expect(page.locator("h1")).to_contain_text("general")


async def test_nothing_is_loaded_from_elsewhere_and_no_inline_code_may_run(page, server):
    assert "default-src 'self'" in await page.locator("meta[http-equiv]").get_attribute("content")
    loaded = await page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    assert loaded
    assert all(name.startswith(server.url) for name in loaded)
