"""`motion_async.cli.main`: the entry point, with and without its extra."""

import subprocess
import sys

import pytest

from motion_async.cli import main


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_without_the_extra_one_sentence_says_what_to_install(missing: str) -> None:
    """Without cyclopts or rich the command says how to install them, and exits with 2."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
from motion_async.cli import main
sys.exit(main(["demo"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "pip install '.[cli]'" in done.stderr


def test_another_missing_module_is_not_blamed_on_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is missing for another reason is not explained away."""
    monkeypatch.delitem(sys.modules, "motion_async.cli.app", raising=False)
    monkeypatch.setitem(sys.modules, "importlib.metadata", None)
    with pytest.raises(ModuleNotFoundError, match=r"importlib\.metadata"):
        main([])


def test_an_interrupt_while_it_loads_is_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C before the command has begun gives 130, and is said."""

    def interrupted(_argv: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("motion_async.cli.app.run", interrupted)
    assert main([]) == 130
    assert capsys.readouterr().err == "motion-async: interrupted\n"


def test_importing_the_package_loads_nothing_of_the_extra() -> None:
    """`import motion_async.cli` alone loads neither cyclopts nor rich, and no server."""
    code = "import sys, motion_async.cli; print(*{'cyclopts', 'rich', 'aiohttp.web'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("argv", [["--help"], ["status", "an-id"], ["batch", "--help"], ["sandbox", "--help"]])
def test_a_command_loads_nothing_of_the_others(argv: list[str]) -> None:
    """What needs neither a server nor a file of requests loads nothing that serves, or reads one."""
    code = f"""
import sys
from motion_async.cli import main
main({argv!r})
heavy = ("aiohttp.web", "motion_async.sandbox", "motion_async.cli.demo", "motion_async.cli.output.schema")
print(*(each for each in sys.modules if each in heavy or each.startswith("motion_async.cli.batch.")), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert loaded == {"motion_async.cli.batch.app", "motion_async.cli.batch.order"}
