"""`motion_async.cli.output.picture`: what a terminal shows, as a file."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.text import Text

from motion_async.cli.output.picture import save_picture
from motion_async.errors import ConfigurationError

README = Path(__file__).parents[3] / "README.md"


def test_it_has_the_words_in_their_colours_and_asks_nobody_for_anything(tmp_path: Path) -> None:
    """A font from elsewhere would tell its server who looks; the name of a namespace is no address."""
    save_picture(tmp_path / "shown.svg", Text("24 done", "green"), title="motion-async demo")
    picture = (tmp_path / "shown.svg").read_text(encoding="utf-8")
    root = ET.fromstring(picture)
    words = "".join(root.itertext()).replace("\xa0", " ")
    assert "motion-async demo" in words
    assert "24 done" in words
    assert "url(http" not in picture
    assert "@font-face" not in picture


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """And nothing is left half written."""
    with pytest.raises(ConfigurationError, match="nowhere"):
        save_picture(tmp_path / "nowhere" / "shown.svg", Text("a"), title="t")


@pytest.mark.skipif(not README.with_name(".github").is_dir(), reason="no checkout")
def test_the_readmes_picture_is_one_of_the_command() -> None:
    """It has the words that the view has now."""
    picture = README.with_name(".github") / "demo.svg"
    assert f"]({picture.relative_to(README.parent)})" in README.read_text(encoding="utf-8")
    words = "".join(ET.parse(picture).getroot().itertext()).replace("\xa0", " ")
    for word in ("motion-async demo", "waiting", "making", "done", "failed", "of 25 ended", "heard"):
        assert word in words
