"""`motion_async.cli.keys.credentials`: whose key is used, and for which service, row by row."""

from __future__ import annotations

from pathlib import Path

import keyring
import keyring.backends.fail
import pytest

from motion_async.cli.arguments import Access
from motion_async.cli.keys.credentials import find_account, find_credentials
from motion_async.cli.keys.profiles import save_profile
from motion_async.cli.keys.settings import Settings
from motion_async.errors import ConfigurationError
from motion_async.http.endpoint import proxy_for
from motion_async.ledger import Account

pytestmark = pytest.mark.usefixtures("without_key")

REAL = "https://api.motion.so/api/motion"
ENV, FILE, OPTION = "https://env.example", "https://file.example", "https://option.example"
PROFILES = {name: f"https://{name}.example" for name in ("default", "a", "b")}
VARIABLES = {"key": "MOTION_API_KEY", "url": "MOTION_BASE_URL", "profile": "MOTION_PROFILE"}

# --profile, --base-url; the environment; the file; and the key, its service and what had it.
CHOSEN: list[tuple[tuple[str, str], str, str, tuple[str, str, str]]] = [
    # Who names a key or a profile first decides.
    (("a", ""), "key profile=b url", "key url", ("a", PROFILES["a"], "keyring")),
    (("", ""), "key", "key", ("env", REAL, "MOTION_API_KEY")),
    (("", ""), "key", "profile=b", ("env", REAL, "MOTION_API_KEY")),
    (("", ""), "profile=b", "key", ("b", PROFILES["b"], "keyring")),
    (("", ""), "", "key", ("file", REAL, ".env")),
    (("", ""), "", "profile=b", ("b", PROFILES["b"], "keyring")),
    (("", ""), "", "", ("default", PROFILES["default"], "keyring")),
    # A key goes to the service that was named with it.
    (("", ""), "key url", "", ("env", ENV, "MOTION_API_KEY")),
    (("", ""), "key url", "key url", ("env", ENV, "MOTION_API_KEY")),
    (("", ""), "", "key url", ("file", FILE, ".env")),
    (("", ""), "url", "key url", ("file", ENV, ".env")),
    (("", ""), "url", "key", ("file", ENV, ".env")),
    (("", ""), "profile=b url=https://b.example/", "", ("b", PROFILES["b"], "keyring")),
    # The option goes before all.
    (("a", OPTION), "key url", "", ("a", OPTION, "keyring")),
    (("", OPTION), "key", "url", ("env", OPTION, "MOTION_API_KEY")),
    (("", OPTION), "url", "key url", ("file", OPTION, ".env")),
    (("", OPTION), "url", "", ("default", OPTION, "keyring")),
]
REFUSED: list[tuple[tuple[str, str], str, str, str]] = [
    (("nobody", ""), "key", "key", r"no profile 'nobody'.*motion-async login --profile=nobody"),
    (("", ""), "profile=nobody", "key", "no profile 'nobody'"),
    (("", ""), "key profile=b", "", "the environment has both MOTION_API_KEY and MOTION_PROFILE"),
    (("", ""), "", "key profile=b", r"the \.env in this folder has both"),
    # Whoever wrote the file would be sent the key of another place, or another one would pay than was meant.
    (("", ""), "key", "url", rf"the key of MOTION_API_KEY is for {REAL}, and MOTION_BASE_URL names another service"),
    (("", ""), "profile=b", "url", "the key of profile b is for https://b.example, and MOTION_BASE_URL"),
    (("", ""), "profile=b url", "", "the key of profile b"),
    (("", ""), "url", "", "the key of profile default"),
    (("", ""), "", "url", "the key of profile default"),
    (("", ""), "", "profile=b url", "the key of profile b"),
    (("a", "http://a.example"), "", "", "plain http"),
    (("", ""), "key=other_key", "", "must be a string that starts with 'motion_'"),
]


def say(monkeypatch: pytest.MonkeyPatch, environment: str, file: str) -> None:
    """Have the two places say something; each has a key and a URL by which it is known again."""
    for name, settings in PROFILES.items():
        save_profile(name, Settings(api_key=f"motion_{name}", base_url=settings))
    for place, said in (("env", environment), ("file", file)):
        lines = []
        for word in said.split():
            name, _, value = word.partition("=")
            value = value or {"key": f"motion_{place}", "url": f"https://{place}.example"}[name]
            lines.append(
                ({"key": "MOTION_API_KEY", "url": "MOTION_BASE_URL", "profile": "MOTION_PROFILE"}[name], value)
            )
        if place == "env":
            for name, value in lines:
                monkeypatch.setenv(name, value)
        elif lines:
            Path(".env").write_text("".join(f"{name}={value}\n" for name, value in lines))
            Path(".env").chmod(0o600)


@pytest.mark.parametrize(("options", "environment", "file", "expected"), CHOSEN, ids=str)
def test_each_row_of_the_precedence(
    options: tuple[str, str],
    environment: str,
    file: str,
    expected: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The key, the service and what had the key; a file is named where it decides."""
    say(monkeypatch, environment, file)
    found = find_credentials(Access(profile=options[0] or None, base_url=options[1] or None))
    key, service, source = expected
    assert (found.api_key, str(found.base_url), found.source) == (f"motion_{key}", service, source)
    assert found.profile == (key if source == "keyring" else None)
    decides = not options[0] and not {"key", "profile=b"} & set(environment.split()) and file not in ("", "url")
    assert capsys.readouterr().err.count("the .env in this folder") == decides
    assert f"motion_{key}" not in repr(found)


@pytest.mark.parametrize(("options", "environment", "file", "words"), REFUSED, ids=str)
def test_what_is_not_clear_is_refused(
    options: tuple[str, str], environment: str, file: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key is sent anywhere, and nobody pays, where it is not clear who is meant."""
    say(monkeypatch, environment, file)
    with pytest.raises(ConfigurationError, match=words):
        find_credentials(Access(profile=options[0] or None, base_url=options[1] or None))


@pytest.mark.parametrize("has_keyring", [True, False])
def test_without_any_key_all_ways_are_named(has_keyring: bool) -> None:
    """Those to have one, and those to try without; a machine without a keyring is no error of its own."""
    if not has_keyring:
        keyring.set_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(ConfigurationError) as caught:
        find_credentials(Access())
    for way in ("MOTION_API_KEY", ".env", "motion-async login", "motion-async demo", "motion-async sandbox"):
        assert way in str(caught.value)


def test_a_profile_brings_its_hosts_for_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox in another container is one word; what the environment names counts as well."""
    save_profile("a", Settings(api_key="motion_a", base_url="http://sandbox:8080", plain_http_hosts="sandbox, other"))
    found = find_credentials(Access(profile="a"))
    assert (str(found.base_url), found.plain_http_hosts) == ("http://sandbox:8080", ("sandbox", "other"))
    monkeypatch.setenv("MOTION_PLAIN_HTTP_HOSTS", "third")
    assert str(find_credentials(Access(profile="a", base_url="http://third")).base_url) == "http://third"


def test_a_profile_that_was_asked_for_needs_no_file() -> None:
    """So a file that is refused stands in nobody's way who names a profile."""
    save_profile("a", Settings(api_key="motion_a", base_url="https://a.example"))
    Path(".env").write_text("MOTION_API_KEY=motion_b\n")
    Path(".env").chmod(0o666)
    assert find_credentials(Access(profile="a")).api_key == "motion_a"
    with pytest.raises(ConfigurationError, match="other users can write it"):
        find_credentials(Access())


def test_an_empty_base_url_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a mistake, such as a variable without a value, and must not lead to where videos are paid for."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_a")
    with pytest.raises(ConfigurationError, match="the base URL must begin with https://"):
        find_credentials(Access(base_url=""))


def test_a_key_that_was_given_as_a_profile_is_not_repeated() -> None:
    """It is easily taken for one."""
    with pytest.raises(ConfigurationError, match="keys are not to be arguments") as caught:
        find_credentials(Access(profile="motion_tell-nobody"))
    assert "nobody" not in str(caught.value)


def test_who_only_reads_needs_no_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The service is known without one, by the same rules; with one the account is the one that would pay."""
    assert find_account(Access()) == Account("https://api.motion.so", "")
    Path(".env").write_text("MOTION_API_KEY=motion_file\nMOTION_BASE_URL=https://file.example/api\n")
    Path(".env").chmod(0o600)
    assert find_account(Access()) == Account("https://file.example", "motion_file")
    monkeypatch.setenv("MOTION_API_KEY", "motion_env")
    assert find_account(Access(base_url=OPTION)) == Account(OPTION, "motion_env")
    assert capsys.readouterr().err == ""


def test_the_environment_says_how_the_service_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes the environment's proxy, as other commands do, and its hosts for plain http."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_x")
    monkeypatch.setenv("MOTION_PLAIN_HTTP_HOSTS", "sandbox")
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "sandbox")
    session = find_credentials(Access(base_url="http://sandbox:8080")).new_session()
    assert repr(session) == "MotionSession(base_url='http://sandbox:8080')"
    options = find_credentials(Access(base_url="https://api.motion.so")).new_session()._transport_options
    way = proxy_for(options["base_url"], options["proxy"], trust_env=options["trust_env"])
    assert str(way) == "http://proxy.example.com:3128"
