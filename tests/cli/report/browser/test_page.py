"""The report of a batch in a real browser, from a file: what its reader sees, decides and takes along."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from colorsys import rgb_to_hls
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from motion_async.cli.report.page import write_report
from motion_async.cli.words import Word
from motion_async.jobs import Attachment
from motion_async.ledger import open_ledger
from tests.browser import Visitor
from tests.cli.report.ledgers import Turn, films, write_ledger

HOSTILE = "</script><img src=x onerror='document.title=1'><script>document.title=2</script><!-- <b>"
MOTION = "The service waits for an answer at motion.so"
STANDS = [  # turns of one video each, its word, and what is said beside it
    ([Turn(key="made")], "done", ""),
    ([Turn(key="taken", state="submitted")], "making", ""),
    ([Turn(key="claimed", state="intent")], "making", ""),
    ([Turn(key="asked", state="submitted", statuses=["queued", "awaiting_user_input"])], "needs you", MOTION),
    ([Turn(key="planned", state="planned")], "waiting", ""),
    ([Turn(key="broken", state="failed", error="No speech.")], "failed", "No speech."),
    ([Turn(key="refused", state="rejected", error="No prompt.")], "failed", "Refused: No prompt."),
    ([Turn(key="dropped", state="dropped")], "failed", "Given up by a person"),
    ([Turn(key="lost", state="uncertain", error="HTTP 502")], "unclear", "It may have been made: HTTP 502"),
    ([Turn(key="kept"), Turn(key="kept 2", state="dropped", parent="kept")], "done", ""),
    ([Turn(key="as was"), Turn(key="as was 2", state="rejected", parent="as was")], "failed", ""),
]
HUES = {
    Word.MAKING: (180, 240),
    Word.NEEDS_YOU: (30, 60),
    Word.DONE: (120, 160),
    Word.FAILED: (0, 10),
    Word.UNCLEAR: (280, 330),
}
DENIED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"


async def open_report(visitor: Visitor, path: Path, turns: Sequence[Turn], batch: str = "autumn") -> Page:
    """Open the report of a batch, as somebody does who has got it by mail."""
    ledger = path / "l.db"
    await write_ledger(ledger, turns, batch)
    async with open_ledger(f"sqlite:///{ledger}", read_only=True) as found:
        await write_report(path / "report.html", found, batch)
    return await visitor.open((path / "report.html").as_uri())


def video(page: Page, words: str) -> Locator:
    return page.locator(".video").filter(has_text=words)


async def take(page: Page, name: str) -> tuple[str, str]:
    """Press a button that gives a file, and give the file's name and text."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name=name).click()
    given = await download.value
    return given.suggested_filename, Path(await given.path()).read_bytes().decode()


async def test_it_shows_what_was_asked_for_and_what_came(visitor: Visitor, tmp_path: Path) -> None:
    """Each video with its turns, its state, how long it took and why it failed; and how many stand how."""
    page = await open_report(visitor, tmp_path, films(4))
    await expect(page).to_have_title("autumn: 4 videos")
    await expect(page.locator("#subtitle")).to_contain_text("4 videos and 1 change asked for")
    counted = [" ".join(each.split()) for each in await page.locator("#counts > div").all_inner_texts()]
    assert counted == ["Done 1", "Needs you 1", "Waiting 1", "Failed 1"]
    first = video(page, "Video number 1")
    await expect(first.locator(".turns")).to_contain_text("Version 2Make number 1 fasterDonetook 60 s")
    await expect(first.locator("> .state")).to_contain_text("DoneVersion 2 is theretook 2 min in all")
    await expect(video(page, "Video number 2").locator(".reason")).to_have_text("Scene 1 could not be rendered.")
    waiting = video(page, "Video number 3").locator("> .state")
    await expect(waiting).to_contain_text("Needs youThe service waits for an answer at motion.so")
    await expect(waiting).to_contain_text("waiting for a person")
    assert await video(page, "Video number 4").locator(".bar").count() == 0
    await expect(page.locator("#typical")).to_contain_text("Each took 60 s.")
    assert await page.locator("#legend li").all_inner_texts() == ["Queued", "Making", "Waiting for a person"]
    assert await page.locator("#work path").count() == 3


async def test_how_a_video_stands_is_said_in_the_six_words(visitor: Visitor, tmp_path: Path) -> None:
    """Those of the whole command, with the reason beside; what was given up counts for nothing beside another turn."""
    page = await open_report(visitor, tmp_path, [turn for turns, _, _ in STANDS for turn in turns])
    stands = page.locator(".video > .state")
    assert await stands.locator(".status").all_text_contents() == [word.capitalize() for _, word, _ in STANDS]
    for place, (_, _, reason) in enumerate(STANDS):
        assert await stands.nth(place).locator(".reason").all_text_contents() == [reason] * bool(reason)
    for chosen in ("#counts dt", "#chips [data-hue]"):
        named = [name.partition("\n")[0].lower() for name in await page.locator(chosen).all_inner_texts()]
        assert sorted(named) == sorted(Word)
    for words, found in (("needs you", 1), ("motion.so", 1), ("refused", 2), ("given up by", 2), ("unclear", 1)):
        await page.locator("#search").fill(words)
        await expect(page.locator(".video")).to_have_count(found)


@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"media": "print"}])
async def test_each_word_has_its_colour(visitor: Visitor, tmp_path: Path, look: Mapping[str, Any]) -> None:
    """The one that it has in a terminal, on a light page, a dark one and on paper."""
    page = await open_report(visitor, tmp_path, [turn for turns, _, _ in STANDS for turn in turns])
    await page.emulate_media(**look)
    for word in Word:
        dot = page.locator(f'#counts [data-hue="{word}"] .dot')
        red, green, blue = re.findall(r"\d+", await dot.evaluate("it => getComputedStyle(it).backgroundColor"))
        hue, _, saturation = rgb_to_hls(*(int(part) / 255 for part in (red, green, blue)))
        assert (saturation < 0.15) is (word is Word.WAITING)
        assert word is Word.WAITING or HUES[word][0] <= hue * 360 <= HUES[word][1]


async def test_the_texts_of_others_stay_text(visitor: Visitor, tmp_path: Path) -> None:
    """In every place in which one can stand: no element comes of it, nothing runs, and nothing is loaded."""
    hostile = Turn(
        key=HOSTILE,
        prompt=HOSTILE,
        state="failed",
        error=HOSTILE,
        metadata={HOSTILE: HOSTILE, "list": [HOSTILE]},
        attachments=[Attachment("https://storage.example.com/a.png", name=HOSTILE, type="image")],
        style="javascript:document.title=3",
        extra={"hint": HOSTILE, "__proto__": HOSTILE},
    )
    page = await open_report(visitor, tmp_path, [hostile], batch=HOSTILE)
    await page.get_by_text("Times and details").click()
    await expect(video(page, "onerror").locator(".known")).to_contain_text(HOSTILE)
    await expect(page.locator("h1")).to_have_text(HOSTILE)
    await expect(page).to_have_title(f"{HOSTILE}: 1 video")
    assert await page.locator("img, iframe, object, link[rel=stylesheet], a:not(.skip)").count() == 0
    assert await page.locator("script").count() == 2


async def test_nothing_but_its_own_script_runs(visitor: Visitor, tmp_path: Path) -> None:
    """Whatever gets into the page all the same: the browser is told what its script is."""
    page = await open_report(visitor, tmp_path, films(1))
    visitor.forgive("Content Security Policy|TrustedHTML|TrustedScript")
    ran = await page.evaluate("""() => {
      const script = document.createElement("script");
      try { script.textContent = "window.ran = true"; document.body.append(script); } catch {}
      try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>"); } catch {}
      return fetch("https://example.com").then(() => "fetched", () => window.ran ?? "nothing");
    }""")
    assert ran == "nothing"


async def test_a_search_and_filters_find_videos(visitor: Visitor, tmp_path: Path) -> None:
    """By all words, in prompts, errors and followups; by state and by what was decided; and in another order."""
    page = await open_report(visitor, tmp_path, films(20))
    for words, found in (("number 12 rendered", "1 of 20 videos"), ("FASTER", "2 of 20 videos"), ("", "20 videos")):
        await page.locator("#search").fill(words)
        await expect(page.locator("#shown")).to_have_text(found)
    await page.get_by_role("button", name="Failed").click()
    await expect(page.locator("#shown")).to_have_text("2 of 20 videos")
    await page.locator("#search").fill("no such words")
    await expect(page.get_by_text("No video is like that.")).to_be_visible()
    await page.locator("#search").fill("")
    await page.get_by_role("button", name="All 20").click()
    await page.locator("#order").select_option("Problems first")
    await expect(page.locator(".video").first).to_contain_text("Video number 2")
    await page.locator("#order").select_option("Longest first")
    await expect(page.locator(".video").first).to_contain_text("Version 2")
    await page.locator(".video").first.get_by_role("button", name="Approved").click()
    await page.locator("#reviewed").select_option("Approved")
    await expect(page.locator("#shown")).to_have_text("1 of 20 videos")


async def test_a_decision_is_kept_and_can_be_taken_back(visitor: Visitor, tmp_path: Path) -> None:
    """It is there when the page is opened again, and in another tab at once; of another batch it is none."""
    page = await open_report(visitor, tmp_path, films(2))
    other = await visitor.open(page.url)
    await video(page, "Video number 1").get_by_role("button", name="Approved").click()
    await video(page, "Video number 2").get_by_label("Note").fill("Try it again")
    for tab in (page, other):
        await expect(tab.locator("#tally")).to_have_text("1 approved, 0 to change, 0 open.")
    await expect(video(other, "Video number 2").get_by_label("Note")).to_have_value("Try it again")
    await page.reload()
    approved = video(page, "Video number 1").get_by_role("button", name="Approved")
    await expect(approved).to_have_attribute("aria-pressed", "true")
    await expect(video(page, "Video number 2").get_by_label("Note")).to_have_value("Try it again")
    await approved.click()
    await expect(page.locator("#tally")).to_have_text("0 approved, 0 to change, 1 open.")
    (tmp_path / "other").mkdir()
    another = await open_report(visitor, tmp_path / "other", films(2), batch="winter")
    await expect(video(another, "Video number 2").get_by_label("Note")).to_have_value("")


async def test_where_nothing_is_kept_the_page_says_so(visitor: Visitor, tmp_path: Path) -> None:
    """And works all the same, up to the export."""
    await visitor.context.add_init_script(DENIED)
    page = await open_report(visitor, tmp_path, films(1))
    await expect(page.get_by_text("This browser keeps nothing for this page")).to_be_visible()
    await page.get_by_role("button", name="Approved").click()
    await expect(page.locator("#tally")).to_have_text("1 approved, 0 to change, 0 open.")
    _, text = await take(page, "Export all decisions")
    assert text == '\ufeff"video","number","state","decision","note"\r\n"film-1 faster","1","done","approved",""\r\n'


async def test_what_is_to_change_is_exported_as_followups(visitor: Visitor, tmp_path: Path) -> None:
    """Each follows the newest version of its video, under an id that the batch has not; without a note none does."""
    turns = [*films(1), Turn(key="film-2"), Turn(key="film-2-v2", prompt="Another film"), Turn(key="=1+1")]
    page = await open_report(visitor, tmp_path, turns, batch="my / autumn")
    for name in ("Video number 1", "film-2", "=1+1"):
        await video(page, name).first.get_by_role("button", name="Change it").click()
    await page.get_by_role("button", name="Export what is to change").click()
    await expect(page.locator("#said")).to_contain_text("Nothing was exported: 3 videos to change have no note.")
    notes = {"Video number 1": "-20 % music", "film-2": ' Say "hello"\n', "=1+1": "@home, with a dog"}
    for name, note in notes.items():
        await video(page, name).first.get_by_label("Note").fill(note)
    name, text = await take(page, "Export what is to change")
    assert name == "my-autumn-redo.csv"
    assert text.splitlines() == [
        '\ufeff"id","follows","prompt"',
        '"film-1-v3","film-1 faster","\'-20 % music"',
        '"film-2-v3","film-2","Say ""hello"""',
        '"\'=1+1-v2","\'=1+1","\'@home, with a dog"',
    ]
    await expect(page.locator("#said code")).to_have_text(
        "motion-async batch my-autumn-redo.csv --batch 'my / autumn' --ledger LEDGER"
    )


async def test_only_what_is_finished_can_be_approved_or_changed(visitor: Visitor, tmp_path: Path) -> None:
    """The service takes a followup for nothing else."""
    page = await open_report(visitor, tmp_path, films(4))
    await expect(page.get_by_role("button", name="Change it")).to_have_count(1)
    await expect(page.get_by_label("Note")).to_have_count(4)


async def test_a_change_that_was_not_made_leaves_its_video_to_be_changed(visitor: Visitor, tmp_path: Path) -> None:
    """As the service refused it, or a person gave it up; after one that has failed, or may have been made, none is."""
    states = ("completed", "rejected", "dropped", "failed", "uncertain", "submitted")
    turns = [[Turn(key=it, prompt="A video"), Turn(key=f"{it} 2", state=it, parent=it)] for it in states]
    page = await open_report(visitor, tmp_path, [turn for pair in turns for turn in pair])
    for place, state in enumerate(states):
        change = page.locator(".video").nth(place).get_by_role("button", name="Change it")
        assert await change.count() == (state in ("completed", "rejected", "dropped"))


async def test_ten_thousand_videos_are_not_too_many(visitor: Visitor, tmp_path: Path) -> None:
    """What nobody looks at is not made: at the beginning, after a search, and at the end of the page."""
    page = await open_report(visitor, tmp_path, films(10_000))
    made = page.locator(".video")
    await expect(page.locator("#shown")).to_have_text("10,000 videos")
    assert await made.count() < 200
    await page.locator("#search").fill("faster")
    await expect(page.locator("#shown")).to_have_text("1,000 of 10,000 videos")
    assert await made.count() < 200
    await page.locator("#search").fill("")
    await expect(page.locator("#shown")).to_have_text("10,000 videos")
    await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    await expect(video(page, "Video number 10000")).to_be_visible()
    assert await made.count() < 400


@pytest.mark.parametrize(("number", "shows"), [(30, ".video"), (300, "#brief tbody tr")])
async def test_paper_has_all_that_is_chosen(visitor: Visitor, tmp_path: Path, number: int, shows: str) -> None:
    """Of a few videos all that is on the screen, of very many a line each; with what was decided, and no controls."""
    page = await open_report(visitor, tmp_path, films(number))
    await video(page, "Video number 1").first.get_by_role("button", name="Approved").click()
    await page.emulate_media(media="print")
    await page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    await expect(page.locator(shows)).to_have_count(number)
    await expect(page.locator(f"{shows}:visible").first).to_contain_text("Approved")
    await expect(page.locator(f"{shows}:visible").nth(1)).to_contain_text(re.compile("Failed\\s*Scene 1 could not"))
    await expect(page.locator("button:visible, textarea:visible, input:visible")).to_have_count(0)
    await page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    await expect(page.locator("#brief td")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
async def test_nothing_is_wider_than_the_window(visitor: Visitor, tmp_path: Path, width: int, scheme: str) -> None:
    """On a phone as well, with words that nothing breaks; and words can be told from what is behind them."""
    page = await open_report(
        visitor, tmp_path, [*films(4), Turn(key="k" * 300, prompt="https://a.example/" + "x" * 900)]
    )
    await page.set_viewport_size({"width": width, "height": 900})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.get_by_text("Times and details").last.click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    lightness = await page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(lightness) < 60) is (scheme == "dark")
