"""`motion_async.cli.ledger.app`: the subcommands that there are."""

import pytest

from motion_async.cli import main
from tests.cli.ledger.conftest import LEDGER, Command


@pytest.mark.parametrize("name", ["show", "export", "resolve"])
def test_each_has_a_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each subcommand documents itself, without a ledger."""
    assert main(["ledger", name, "--help"]) == 0
    assert "LEDGER" in capsys.readouterr().out


@pytest.mark.usefixtures("ledger")
def test_a_persons_own_is_shown_and_exported(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is named."""
    monkeypatch.setenv("MOTION_LEDGER", LEDGER)
    for argv in (["show"], ["export"]):
        assert command("ledger", *argv) == command("ledger", *argv, LEDGER)
