"""The page of a sandbox in a real browser: what a person sees of it, and what each button does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, ServerDisconnectedError, web
from playwright.async_api import Locator, Page, expect

from motion_async.sandbox import (
    AwaitInput,
    Fail,
    LostAnswer,
    NewStatus,
    RateLimited,
    Sandbox,
    ServerError,
    every_fault,
    live,
)
from tests.browser import Visitor
from tests.waiting import until

HOSTILE = "<img src=x onerror='document.title=1'><script>document.title=2</script>"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox whose time stands still: created after 3 s, running after 13 s, completed after 193 s."""
    async with Sandbox(speed=0, spread=0, control=True) as sandbox:
        yield sandbox


@pytest.fixture
async def page(visitor: Visitor, sandbox: Sandbox) -> Page:
    """Its page, as somebody has just opened it."""
    return await open_page(visitor, sandbox)


async def open_page(visitor: Visitor, sandbox: Sandbox) -> Page:
    page = await visitor.open(f"{sandbox.control_url}/")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


async def create(sandbox: Sandbox, prompt: str = "A launch video", key: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {key or sandbox.api_key}"}
    async with (
        ClientSession() as client,
        client.post(f"{sandbox.url}/sessions", json={"prompt": prompt}, headers=headers) as answer,
    ):
        return answer.status


def row(page: Page, prompt: str) -> Locator:
    return page.get_by_role("row").filter(has_text=prompt)


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def test_jobs_come_and_go_on_live(page: Page, sandbox: Sandbox) -> None:
    """The newest first, each with its status and what it waits for, and nothing is reloaded."""
    await expect(page.get_by_text("No job yet.")).to_be_visible()
    await create(sandbox, "The first")
    sandbox.faults.next(Fail("No scene could be rendered."))
    await create(sandbox, "The second")
    rows = page.locator("#rows > tr")
    await expect(rows).to_contain_text(["The second", "The first"])
    await expect(rows.first).to_contain_text("Queued for another 3.0 s, then is created")
    sandbox.advance(100)
    await expect(rows.last).to_contain_text("Runs for another 93 s, then completes")
    await expect(rows.first).to_contain_text("then fails with “No scene could be rendered.”")
    sandbox.advance(100)
    await expect(rows.last).to_contain_text("Nothing. A followup may come.")
    await expect(rows.first).to_contain_text("It failed with “No scene could be rendered.”")
    await expect(page.locator("#clock")).to_have_text("23:04:24")
    await expect(page.locator("#creates")).to_have_text("2taken of 2")


async def test_the_words_of_others_stay_words(page: Page, sandbox: Sandbox) -> None:
    """Of a prompt, an error and an owner, whatever they look like; a long prompt is told in short."""
    key = sandbox.add_account(HOSTILE)
    sandbox.faults.next(Fail(HOSTILE), times=2)
    sandbox.faults.next(NewStatus(HOSTILE), times=2)
    sandbox.faults.for_prompt(HOSTILE, AwaitInput())
    await create(sandbox, HOSTILE, key)
    await create(sandbox, "long " * 2_000, key)
    sandbox.advance(13 + 180 * 0.6)
    await expect(page.locator("#rows .prompt").last).to_have_text(HOSTILE)
    await page.get_by_text("History").first.click()
    await expect(page.get_by_text("10,000 characters in all")).to_be_visible()
    sandbox.advance(10_000)
    await expect(page.locator("#rows .error")).to_have_text([HOSTILE] * 2)
    assert await page.title() == "Motion sandbox"
    assert await page.locator("main img, main script").count() == 0


async def test_a_job_that_waits_gets_its_input(page: Page, sandbox: Sandbox) -> None:
    """By a button of its own, which the keyboard reaches, or with all that wait."""
    sandbox.faults.next(AwaitInput(until_answered=True), times=3)
    for number in range(3):
        await create(sandbox, f"Version {number}")
    sandbox.advance(1_000)
    await expect(page).to_have_title("(3) Motion sandbox")
    await expect(page.locator("#announced")).to_have_text("3 jobs wait for input")
    await row(page, "Version 1").get_by_role("button", name="Give input to").press("Enter")
    await expect(row(page, "Version 1")).to_contain_text("then completes")
    assert [job.status for job in sandbox.jobs.values()].count("awaiting_user_input") == 2
    await press(page, "Give input to all that wait")
    await expect(page).to_have_title("Motion sandbox")
    assert {job.status for job in sandbox.jobs.values()} == {"running"}
    await expect(page.get_by_text("2 jobs got input.")).to_be_visible()


async def test_time_is_stepped(page: Page, sandbox: Sandbox, visitor: Visitor) -> None:
    """By three lengths, and to the next change of any job; where none is to come, that is said."""
    await create(sandbox)
    for name, seconds in (("+10 s", 10.0), ("+1 min", 60.0), ("+10 min", 600.0)):
        before = sandbox.now
        await press(page, name)
        await until(lambda: sandbox.now != before, every=0.01)  # noqa: B023
        assert sandbox.now == pytest.approx(before + seconds)
    await create(sandbox, "Another")
    await press(page, "Until the next change")
    await expect(row(page, "Another")).to_contain_text("created")
    await press(page, "+10 min")
    await expect(row(page, "Another")).to_contain_text("completed")
    visitor.forgive("400")
    await press(page, "Until the next change")
    await expect(page.get_by_text("Not done: no job will change by itself")).to_be_visible()


async def test_every_fault_is_ordered_by_the_form(page: Page, sandbox: Sandbox) -> None:
    """As the sandbox lists them, with its own options; those that stand are listed, and withdrawn by one button."""
    names = await page.locator("#fault option").all_text_contents()
    assert sorted(names) == sorted(every_fault())
    for name in names:
        await page.get_by_label("Let this go wrong").select_option(name)
        await press(page, "Order this fault")
        await expect(page.get_by_text(f"Ordered: {name}.", exact=True)).to_be_visible()
    assert [order.fault for order in sandbox.faults.orders] == [every_fault()[name] for name in names]
    await expect(page.locator("#orders > li")).to_have_count(len(names))
    await press(page, "Withdraw all")
    await expect(page.locator("#orders > li")).to_have_count(0)
    assert sandbox.faults.orders == ()


async def order(page: Page, fault: str, **fields: Any) -> None:
    await page.get_by_label("Let this go wrong").select_option(fault)
    for label, value in fields.items():
        field = page.get_by_label(label.replace("_", " "), exact=True)
        await (field.check() if value is True else field.fill(str(value)))
    await press(page, "Order this fault")


@pytest.mark.parametrize(
    ("fault", "fields", "wanted", "said"),
    [
        ("rate-limit", {"retry_after": 2, "How_many_calls": 3}, RateLimited(2.0), "the next 3 calls"),
        ("unavailable", {"taken": True, "What_the_prompt_contains": "cat"}, ServerError(503, taken=True), "“cat”"),
        ("await-input", {"until_answered": True}, AwaitInput(until_answered=True), "the next call"),
        ("fail", {"error": "No scene."}, Fail("No scene."), "(error: “No scene.”)"),
    ],
)
async def test_a_fault_is_ordered_with_its_options(
    page: Page, sandbox: Sandbox, fault: str, fields: Mapping[str, Any], wanted: Any, said: str
) -> None:
    """Of whatever kind they are, and for the calls that are wanted: whoever types what they are has chosen that."""
    await order(page, fault, **fields)
    await expect(page.locator("#orders > li")).to_contain_text([said])
    (standing,) = sandbox.faults.orders
    assert (standing.fault, standing.text) == (wanted, fields.get("What_the_prompt_contains"))
    assert standing.left == (None if standing.text else fields.get("How_many_calls", 1))


async def test_a_fault_strikes_the_calls_it_is_ordered_for(page: Page, sandbox: Sandbox) -> None:
    """What has struck is counted, and what is used up stands no longer."""
    await page.get_by_label("Let this go wrong").select_option("lost-answer")
    await page.get_by_label("For which calls").select_option("creates alone")
    await press(page, "Order this fault")
    await expect(page.locator("#orders > li")).to_have_text(["lost-answerthe next create"])
    assert [(order.fault, order.calls) for order in sandbox.faults.orders] == [(LostAnswer(), {"create"})]
    with pytest.raises(ServerDisconnectedError):
        await create(sandbox)
    await expect(page.locator("#orders > li")).to_have_count(0)
    await expect(page.locator("#struck")).to_contain_text("LostAnswer")


async def test_what_the_sandbox_refuses_is_said(page: Page, visitor: Visitor) -> None:
    """In its own words, until it is closed."""
    visitor.forgive("400")
    await order(page, "server-error", status=404)
    said = page.get_by_text("Not done: status must be 500, 502 or 503, not 404.")
    await expect(said).to_be_visible()
    await press(page, "Close")
    await expect(said).to_be_hidden()


async def test_accounts_are_opened_and_get_credits(page: Page, sandbox: Sandbox) -> None:
    """Each has its key there, and what somebody types meanwhile stays."""
    await page.get_by_label("Its name").fill("bob")
    await page.get_by_label("Its credits").fill("0")
    await press(page, "Open an account")
    bob = page.locator("#accounts > li").filter(has_text="bob")
    (key,) = [key for key, account in sandbox.accounts.items() if account.owner == "bob"]
    await expect(bob).to_contain_text(key)
    await page.get_by_label("Credits to add for bob").fill("301")
    assert await create(sandbox, key=key) == 402
    await expect(page.locator("#refused")).to_contain_text("402")
    await bob.get_by_role("button", name="Add credits").click()
    await expect(bob).to_contain_text("301 credits")
    assert await create(sandbox, key=key) == 202
    await expect(bob).to_contain_text("1 credit")


async def test_what_points_code_at_it_can_be_copied(page: Page, sandbox: Sandbox, visitor: Visitor) -> None:
    """As the command prints it."""
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lines = [f"export MOTION_BASE_URL={sandbox.url}", f"export MOTION_API_KEY={sandbox.api_key}"]
    for name, text in (
        ("Copy the line with the base URL", lines[0]),
        ("Copy the line with the API key", lines[1]),
        ("Copy both", "\n".join([*lines, ""])),
    ):
        await press(page, name)
        await expect(page.get_by_text("Copied.", exact=True)).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == text


async def test_the_newest_jobs_are_shown_and_all_are_counted(
    sandbox: Sandbox, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the page says so; those of one status can be looked at alone."""
    monkeypatch.setattr(live, "_SHOWN", 3)
    for number in range(4):
        await create(sandbox, f"Version {number}")
    page = await open_page(visitor, sandbox)
    await expect(page.get_by_text("The newest 3 of 4 jobs are shown")).to_be_visible()
    sandbox.advance(10_000)
    await create(sandbox, "Version 4")
    rows = page.locator("#rows > tr")
    await expect(rows).to_contain_text(["Version 4", "Version 3", "Version 2"])
    await press(page, "completed 4")
    await expect(rows.filter(visible=True)).to_contain_text(["Version 3", "Version 2"])
    await press(page, "all 5")
    await expect(rows.filter(visible=True)).to_have_count(3)


async def test_another_sandbox_in_its_place_is_shown_alone(visitor: Visitor) -> None:
    """The page says that nobody answers, comes back by itself, and forgets what it knew."""
    visitor.forgive("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING")
    async with Sandbox(speed=0, control=True) as sandbox:
        await create(sandbox, "Of the first")
        page = await open_page(visitor, sandbox)
        await expect(row(page, "Of the first")).to_be_visible()
        port = int(sandbox.url.split(":")[2].split("/")[0])
    await expect(page.get_by_text("Not connected: the sandbox has ended")).to_be_visible()
    async with Sandbox(speed=0, control=True, port=port) as other:
        await create(other, "Of the second")
        await expect(page.locator("#rows > tr")).to_contain_text(["Of the second"])
        await expect(page.locator("#api-key")).to_contain_text(other.api_key)


@pytest.mark.parametrize("width", [390, 1_400])
async def test_it_fits_and_every_control_has_a_name(visitor: Visitor, sandbox: Sandbox, width: int) -> None:
    """On a phone and on a desk, with a word that nothing breaks."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    await create(sandbox, "Supercalifragilistic" * 20)
    sandbox.advance(1_000)
    page = await open_page(visitor, sandbox)
    await page.set_viewport_size({"width": width, "height": 800})
    await page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    await expect(page.get_by_role("button", name="Give input to: Super")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    nameless = "all => all.filter((each) => !(each.innerText || each.ariaLabel || each.labels?.length)).length"
    controls = page.locator("button:visible, input:visible, select:visible, summary:visible")
    assert await controls.count() > 20
    assert await controls.evaluate_all(nameless) == 0


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """Serve a page of another origin, with a link that leads nowhere yet."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text="<link rel=icon href=data:,><a href=/>go</a>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_page_of_another_origin_can_do_nothing(visitor: Visitor, sandbox: Sandbox, elsewhere: str) -> None:
    """It neither orders nor reads nor frames, though it is of the same machine; a link of it leads here."""
    visitor.forgive("CORS|403|ERR_FAILED|X-Frame-Options|frame|Cross-Origin|ERR_BLOCKED")
    page, before = await visitor.open(elsewhere), sandbox.now
    attempt = """async ([url, type]) => {
        const order = { method: "POST", headers: { "Content-Type": type }, body: '{"seconds": 60}', mode: MODE };
        return fetch(`${url}/advance`, order).then((answer) => answer.status, () => "failed");
    }"""
    for mode, type_ in (("cors", "application/json"), ("cors", "text/plain"), ("no-cors", "text/plain")):
        done = await page.evaluate(attempt.replace("MODE", f'"{mode}"'), [sandbox.control_url, type_])
        assert done in {"failed", 0}
    reading = "(url) => fetch(`${url}/jobs`).then((answer) => answer.text(), () => 'failed')"
    assert await page.evaluate(reading, sandbox.control_url) == "failed"
    assert sandbox.now == before
    await page.evaluate("(url) => { document.querySelector('a').href = url; }", f"{sandbox.control_url}/")
    await page.get_by_text("go").click()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
