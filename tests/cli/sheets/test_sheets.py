"""What people have: files in `sheets`, as spreadsheets and programs save them, what is read of each, and what is paid.

Most were saved by LibreOffice, and some were written by hand; none is a copy of another.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motion_async.cli.sheets.filelines import Line
from motion_async.cli.sheets.sources import open_source
from motion_async.errors import ConfigurationError
from motion_async.jobs import Attachment, BatchRequest, VideoRequest
from motion_async.sandbox import Sandbox

SHEETS = Path(__file__).parent / "files"
Command = Callable[..., tuple[int, list[dict[str, Any]], str]]

HERO = "https://storage.example.com/hero.png"
LOGO = "https://storage.example.com/logo;v=2.svg"
YOUTUBE = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"

CAMPAIGN = [
    BatchRequest(
        VideoRequest(
            "Ein 15-Sekunden-Film für die Kalender-App: „schön, schnell“",
            style_reference_url=YOUTUBE,
            attachments=[HERO],
        ),
        id="hero",
        metadata={"Colour": "blau", "Price": "12.5"},
    ),
    BatchRequest(
        VideoRequest(
            'A café at night, seen from the street;\nthen, "Open late" in neon',
            attachments=[Attachment(HERO), Attachment(LOGO)],
        ),
        id="cafe",
        metadata={"Colour": "red", "Price": "7"},
    ),
    BatchRequest(VideoRequest("Ten seconds for the app store"), id="plain"),
    BatchRequest(
        VideoRequest("A quiet one without an id \u2013 20 % slower", attachments=[HERO, LOGO]),
        metadata={"Colour": "grün", "Price": "1000"},
    ),
]
"""What one and the same sheet holds, however it was saved."""


def read(name: str, *, sheet: str | None = None) -> tuple[list[Line], list[str]]:
    """Read one of the files: its lines, and what a person is told of how it was taken."""
    told: list[str] = []
    with open_source(str(SHEETS / name), None, sheet, told.append) as lines:
        return list(lines), [words.removeprefix(f"{SHEETS / name}: ") for words in told]


def prompts(name: str) -> dict[int, str | None]:
    """Give the prompts of a file by their lines, None where there is none."""
    return {line.number: line.given and line.given.request.prompt for line in read(name)[0]}


@pytest.fixture
def run(
    command: Command, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast_polls: None
) -> Callable[..., tuple[int, str, int]]:
    """Run the command on a copy of a file: its status, what it said, and how many videos were paid for."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *options: str) -> tuple[int, str, int]:
        shutil.copy(SHEETS / name, tmp_path)
        before = sandbox.counts.creates_accepted
        status, _, said = command("batch", name, *options)
        return status, said, sandbox.counts.creates_accepted - before

    return run


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("comma.csv", []),
        ("all-quoted.csv", ["its columns are separated by semicolons"]),
        (
            "semicolon-western.csv",
            ["its columns are separated by semicolons", "it is not UTF-8, and is read as Windows-1252"],
        ),
        ("tabs-utf16.txt", ["its columns are separated by tabs"]),
        ("campaign.xlsx", []),
        ("campaign.ods", []),
    ],
)
def test_the_same_sheet_gives_the_same_requests(name: str, told: list[str]) -> None:
    """Whichever way it was saved; what a person could not know is told."""
    lines, words = read(name)
    assert [line.given for line in lines] == CAMPAIGN
    assert [line.problems + line.odd for line in lines] == [()] * 4
    assert sorted(words) == sorted(
        [
            *told,
            "column 'Style reference' is taken for style_reference_url",
            "kept as metadata, and not sent: Colour, Price",
        ]
    )


def test_what_was_paid_for_in_one_format_is_not_paid_for_in_another(run: Callable[..., tuple[int, str, int]]) -> None:
    """The ledger knows the four requests again, with ids and without."""
    paid = [
        run(name, "--ledger", "l.db", "--batch", "autumn")[::2]
        for name in ("campaign.xlsx", "comma.csv", "semicolon-western.csv", "tabs-utf16.txt", "campaign.ods")
    ]
    assert paid == [(0, 4), (0, 0), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sep-line.csv", {3: "A launch video, in red", 4: "A second one"}),
        ("mac-cr.csv", {2: "A launch video", 3: "A second one,\rin two lines"}),
        ("utf16-be.csv", {2: "Ein Film für Köln"}),
        ("short-rows.csv", {2: "A launch video", 3: "A second one", 5: "A third one"}),
        ("other-names.csv", {2: "A launch video", 3: "A second one"}),
        ("array.json", {1: "A launch video", 2: "A second one", 3: "Faster"}),
        ("pretty.json", {1: "Ein Film für Köln", 2: "Faster"}),
        ("pretty-objects.jsonl", {1: "A launch video", 2: "A second one"}),
        ("notes-first.xlsx", {3: "A launch video", 4: "A second one"}),
        ("notes-first.ods", {3: "A launch video", 4: "A second one"}),
        ("attachment-columns.xlsx", {2: "A launch video", 3: "A second one", 4: "A third one"}),
        ("twice-with-ids.csv", {2: "A launch video", 3: "A launch video"}),
    ],
)
def test_what_can_be_read_is_read_and_paid_for_once(
    name: str, expected: dict[int, str], run: Callable[..., tuple[int, str, int]]
) -> None:
    """Each prompt is found at its line, nothing is odd about it, and a second run pays for nothing."""
    assert prompts(name) == expected
    assert not any(line.odd or line.problems for line in read(name)[0])
    creates = sum(line.given is not None and line.given.follows is None for line in read(name)[0])
    assert run(name)[::2] == (0, creates)
    assert run(name)[::2] == (0, 0)


def test_other_names_stand_for_the_same_fields() -> None:
    """They are told of, and what no field is called comes back as metadata."""
    (first, _), told = read("other-names.csv")
    assert first.given == BatchRequest(
        VideoRequest("A launch video", style_reference_url=YOUTUBE, attachments=[HERO]), metadata={"Name": "x"}
    )
    assert told == [
        "column 'Description' is taken for prompt",
        "column 'STYLE' is taken for style_reference_url",
        "kept as metadata, and not sent: Name",
    ]


def test_attachments_may_stand_in_columns_of_their_own() -> None:
    """Or several in one cell, with what people put between them."""
    given = [line.given.request for line in read("attachment-columns.xlsx")[0] if line.given is not None]
    assert [[it.url for it in request.attachments] for request in given] == [[HERO, LOGO], [], [HERO, LOGO]]


def test_metadata_is_joined_and_comes_back(run: Callable[..., tuple[int, str, int]]) -> None:
    """Further fields and columns stand in the results, beside a metadata of the line's own."""
    given = [line.given and line.given.metadata for line in read("array.json")[0]]
    assert given == [{"colour": "red", "price": 7}, None, {"n": 1}]
    assert run("more-fields.jsonl", "--skip-invalid", "--output", "out.jsonl")[::2] == (0, 2)
    results = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [line["metadata"] for line in results] == [{"colour": "red"}, None, {"metadata": "words", "n": [1]}]
    assert [line["state"] for line in results] == ["done", "needs you", "done"]


def test_the_sheet_with_the_prompts_is_taken_and_told() -> None:
    """Where several have some, one has to be named."""
    assert read("notes-first.xlsx")[1][0] == read("notes-first.ods")[1][0] == "sheet 'Briefs' is read, and no other"
    assert len(read("two-sheets.xlsx", sheet="Autumn")[0]) == 2
    with pytest.raises(ConfigurationError, match="has no sheet 'Summer'; it has: Spring, Autumn"):
        read("two-sheets.xlsx", sheet="Summer")
    with pytest.raises(ConfigurationError, match="--sheet is for workbooks"):
        read("comma.csv", sheet="Autumn")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two-sheets.xlsx", "has a column prompt in the sheets Spring, Autumn; add --sheet NAME"),
        ("merged-header.xlsx", "has merged cells; give each column a name of its own"),
        ("merged-header.ods", "has merged cells; give each column a name of its own"),
        ("no-prompt.xlsx", "has no column prompt, which says what to make; it has: title, brief"),
        ("empty.xlsx", "empty.xlsx has no request in it"),
        ("near-miss.csv", "has 'atachments', which is almost attachments; write attachments"),
        ("stray-quote.csv", "lines 3 to 5 of the CSV are read as one row"),
        ("cut-off.json", "object 2 of the JSON is no JSON"),
        ("old.xls", "is an old workbook, or has a password; save it as .xlsx"),
        ("too-many-cells.csv", "line 3 has 3 cells where the header has 2; put quotes around a text"),
        ("mixed-encoding.csv", "line 3 is not UTF-8; save the file as “CSV UTF-8”"),
    ],
)
def test_what_may_be_a_mistake_is_refused_with_a_sentence(
    name: str, words: str, run: Callable[..., tuple[int, str, int]]
) -> None:
    """Nothing is paid for, no ledger is made, and no option has it made all the same."""
    for options in ([], ["--allow-odd"]):
        status, said, paid = run(name, *options)
        assert (status, paid) == (2, 0)
        assert words in said
    assert [path.name for path in Path().iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "odd", "good"),
    [
        ("errors.csv", {4: "#N/A", 5: "#DIV/0!", 6: "#NAME?", 7: "is blank", 8: "#N/A"}, 3),
        ("errors.xlsx", {4: "#N/A", 5: "#DIV/0!", 6: "#NAME?", 7: "is blank", 8: "#N/A"}, 3),
        ("errors.ods", {4: "#N/A", 5: "#DIV/0!", 6: "#NAME?", 7: "is blank", 8: "#N/A"}, 3),
        ("never-calculated.xlsx", {3: "nothing has calculated: '=\"A video", 4: "=VLOOKUP", 5: "=1/0", 6: "=NOSUCH",
                                   7: "is blank", 8: '="A video'}, 2),
        ("formula-last.xlsx", dict.fromkeys((3, 5), "nothing has calculated: '=A2&"), 1),
        ("formulas.csv", {2: "nothing has calculated", 3: "=CONCATENATE(A1;B1)"}, 1),
        ("dates-and-numbers.xlsx", {3: "'42'", 4: "'2026-05-04'", 5: "'3.75'", 6: "'TRUE'"}, 2),
        ("dates-and-numbers.ods", {3: "'42'", 4: "'2026-05-04'", 5: "'3.75'", 6: "has no words"}, 2),
        ("hidden-rows.xlsx", {3: "line 3 stands in a hidden row"}, 2),
        ("hidden-rows.ods", {3: "line 3 stands in a hidden row"}, 2),
        ("merged-body.xlsx", {3: "line 3 stands beside merged cells"}, 2),
        ("header-again.csv", {3: "Prompt: is the header again"}, 2),
        ("pandas.csv", {3: "'nan'", 4: "'None'", 5: "is blank", 6: "'NaN'", 7: "was missing",
                        8: "id: is no name"}, 1),
        ("placeholders.csv", dict.fromkeys(range(2, 12), "nobody filled in"), 1),
        ("broken-text.csv", {2: "'Ã©'", 3: "'â€'", 4: "were lost", 5: "'f?'", 6: "_x000D_"}, 2),
        ("mac-roman.csv", {3: "has 'cafŽ' when read as Windows-1252"}, 2),
        ("cyrillic-1251.csv", {2: "which may be wrong; save the file as “CSV UTF-8”"}, 0),
        ("twice.csv", {4: "line 4 asks for the same as line 2, and has no id of its own"}, 2),
    ],
)  # fmt: skip
def test_what_nobody_may_have_meant_is_refused_by_line_and_column(
    name: str, odd: dict[int, str], good: int, run: Callable[..., tuple[int, str, int]]
) -> None:
    """Nothing is paid for where nobody can be asked, but for the other lines, or all that can be sent, if asked for."""
    status, said, paid = run(name)
    assert (status, paid) == (2, 0)
    told = {int(words.split()[2].rstrip(":")): words for words in said.splitlines() if ": line " in words}
    assert {line: odd[line] in words for line, words in told.items()} == dict.fromkeys(odd, True)
    assert "--allow-odd" in said
    assert run(name, "--skip-invalid")[::2] == ((0, good) if good else (0, 0))
    assert run(name, "--allow-odd")[::2] == (0, sum("is blank" not in words for words in odd.values()))


def test_without_the_extra_a_sentence_says_how_to_install_it(
    run: Callable[..., tuple[int, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workbook needs a library; all other files are read without it."""
    monkeypatch.delitem(sys.modules, "motion_async.cli.sheets.workbooks", raising=False)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    status, said, paid = run("campaign.xlsx")
    assert (status, paid) == (2, 0)
    assert "campaign.xlsx is a workbook; to read it pip install 'motion-async[sheets]'" in said
    assert run("comma.csv")[::2] == (0, 4)


def test_a_workbook_comes_through_standard_input(
    command: Command, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast_polls: None
) -> None:
    """Its content tells what it is."""
    monkeypatch.chdir(tmp_path)
    with (SHEETS / "campaign.xlsx").open() as given:
        monkeypatch.setattr(sys, "stdin", given)
        status, _, said = command("batch", "-", "--ledger", "l.db")
    assert (status, sandbox.counts.creates_accepted) == (0, 4)
    assert "standard input: kept as metadata, and not sent: Colour, Price" in said


@pytest.mark.parametrize(("answer", "status", "paid"), [("y", 0, 3), ("n", 130, 0), ("\x04", 130, 0), ("", 130, 0)])
def test_on_a_terminal_a_person_is_asked(
    answer: str, status: int, paid: int, sandbox: Sandbox, tmp_path: Path, on_terminal: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch, own_state: Path,
) -> None:  # fmt: skip
    """Only a yes has what is odd made; what was let through is not asked about again."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SHEETS / "twice.csv", tmp_path)
    typed = f"{answer}\n" if answer in ("y", "n") else answer
    found, shown = on_terminal("batch", "twice.csv", after="pay for them?", typed=typed)
    assert (found, sandbox.counts.creates_accepted) == (status, paid)
    assert "line 4 asks for the same as line 2" in shown
    assert "1 line looks as if nobody meant that; make 3 videos all the same" in " ".join(shown.split())
    assert own_state.exists() is bool(paid)
    if paid:
        found, shown = on_terminal("batch", "twice.csv")
        assert (found, "pay for them?" in shown, sandbox.counts.creates_accepted) == (0, False, paid)
