"""Tests of `motion_async.http.endpoint`; what a session refuses stands with the session's tests."""

from __future__ import annotations

import re
from typing import Any

import pytest

from motion_async import ConfigurationError
from motion_async.http import endpoint
from motion_async.http.endpoint import check_api_key, check_base_url, check_reach, find_base_url, proxy_for


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.motion.so/api/motion/", "https://api.motion.so/api/motion"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.8.8.8/x", "http://127.8.8.8/x"),
        ("http://[::1]:80/x", "http://[::1]/x"),
    ],
)
def test_a_base_url_is_taken(url: str, kept: str) -> None:
    """Https anywhere, plain http on this machine's own addresses, no slash at the end."""
    assert str(check_base_url(url)).rstrip("/") == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "http://api.motion.so",
        "ftp://api.motion.so",
        "https://",
        "https://u:SECRET@h",
        "https://u:12/SECRET@h",
        "http://u:12/SECRET@h",
        "https://u:SECRET#x@h",
        "https://u:SECRET℀@h",
        "https://u:SECRET@h:port",
        "htps://u:SECRET@h",
        "https:/u:SECRET@h",
        "u:SECRET@h",
        "htps://h?key=SECRET",
        "https://h?x=SECRET",
        5,
    ],
    ids=repr,
)
def test_a_base_url_that_the_key_must_not_go_to_is_refused(url: Any) -> None:
    """What is no address, or one where others may read, and none of its secrets is told."""
    with pytest.raises(ConfigurationError, match="base URL") as caught:
        check_base_url(url)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "sk_SECRET",
        "motion_",
        "motion_SECRET x",
        "motion_" + "SECRET" * 100,
        'motion_SECRET"x',
        "motion_SECRET'x",
        "motion_SECRET\\x",
        "motion_SECRETé",
        5,
    ],
    ids=repr,
)
def test_what_cannot_be_a_key_is_refused_and_never_shown(key: Any) -> None:
    """Whatever it is, the error says what is wrong without it."""
    with pytest.raises(ConfigurationError, match="API key") as caught:
        check_api_key(key)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("motion_SECRET\n", "U+000A LINE FEED at its end"),
        ("motion_SECRET\r\n", "U+000D CARRIAGE RETURN as character 14"),
        (" motion_SECRET", "U+0020 SPACE at its beginning"),
        ("motion_SEC RET", "U+0020 SPACE as character 11"),
        ("motion_SECRET\t", "U+0009 TAB at its end"),
        ("\ufeffmotion_SECRET", "U+FEFF BYTE ORDER MARK at its beginning"),
        ("motion_\u200bSECRET", "U+200B ZERO WIDTH SPACE as character 8"),
        ("motion_SECRET\u00a0", "U+00A0 NO-BREAK SPACE at its end"),
        ('"motion_SECRET"', "U+0022 QUOTATION MARK at its beginning"),
        ("'motion_SECRET'", "U+0027 APOSTROPHE at its beginning"),
        ("\u201cmotion_SECRET\u201d", "U+201C LEFT DOUBLE QUOTATION MARK at its beginning"),
        ("motion_SECRET\u2019", "U+2019 RIGHT SINGLE QUOTATION MARK at its end"),
        ("motion_SECRET\\", "U+005C REVERSE SOLIDUS at its end"),
        ("motion_SECRET\ud800", "U+D800 without a name at its end"),
        ("Bearer motion_SECRET", "'Bearer' in front"),
        ("bearer motion_SECRET\n", "'Bearer' in front"),
        ("Authorization: Bearer motion_SECRET", "'Bearer' in front"),
        ("'Bearer motion_SECRET'", "'Bearer' in front"),
    ],
    ids=ascii,
)
def test_what_does_not_belong_to_a_key_is_named_with_its_place(key: str, told: str) -> None:
    """The character that was pasted along is named, as most of them cannot be seen, and the key is not."""
    with pytest.raises(ConfigurationError, match=re.escape(f"API key has {told}")) as caught:
        check_api_key(key)
    assert "SECRET" not in str(caught.value)


def test_a_key_is_given_back_and_does_not_show() -> None:
    """It is itself, and its repr is not."""
    key = check_api_key("motion_SECRET")
    assert key == "motion_SECRET"
    assert "SECRET" not in repr(key)


def test_plain_http_goes_through_no_proxy_and_https_through_the_callers() -> None:
    """A proxy could read the key of the one, and not of the other."""
    proxy = "http://127.0.0.1:3128"
    assert str(proxy_for(check_base_url("https://api.motion.so"), proxy, trust_env=False)).startswith(proxy)
    assert proxy_for(check_base_url("https://api.motion.so"), None, trust_env=False) is None
    assert proxy_for(check_base_url("http://localhost"), None, trust_env=True) is None
    with pytest.raises(ConfigurationError, match="a proxy would see the API key"):
        proxy_for(check_base_url("http://localhost"), proxy, trust_env=False)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://u:SECRET@",
        "http://u:12/SECRET@h:3128",
        "http://u:SECRET#@h:3128",
        "http://u:SECRET℀@h:3128",
        "http://u:SECRET@h:port",
        "socks5://u:SECRET@h",
        "u:SECRET@h:3128",
        "http:/u:SECRET@h",
        5,
    ],
    ids=repr,
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(proxy: Any) -> None:
    """Neither the message nor what the error hangs on repeats any part of what was given."""
    with pytest.raises(ConfigurationError, match="proxy cannot be used") as caught:
        proxy_for(check_base_url("https://api.motion.so"), proxy, trust_env=False)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__context__ is None


def test_plain_http_goes_to_hosts_that_the_caller_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox in another container is reached by its name, of the option or of the environment, and nobody else."""
    url = "http://Sandbox:8080/x"
    with pytest.raises(ConfigurationError, match="host, sandbox, in MOTION_PLAIN_HTTP_HOSTS or plain_http_hosts"):
        find_base_url(url, plain_http_hosts=None)
    assert str(find_base_url(url, plain_http_hosts=["sandbox"])) == "http://sandbox:8080/x"
    assert str(find_base_url("http://[fd00::1]/x", plain_http_hosts=["fd00::1"])) == "http://[fd00::1]/x"
    monkeypatch.setenv("MOTION_PLAIN_HTTP_HOSTS", " other, sandbox ,")
    assert str(find_base_url(url, plain_http_hosts=None)) == "http://sandbox:8080/x"
    for names in ((), ["sandbox.example.com"], ["sand"]):
        with pytest.raises(ConfigurationError, match="plain http"):
            find_base_url(url, plain_http_hosts=names)


@pytest.mark.parametrize(
    "names", ["sandbox", ["http://sandbox"], ["sandbox:8080"], ["a/b"], [""], ["*"], [5], 5], ids=repr
)
def test_what_names_no_host_is_refused(names: Any) -> None:
    """A whole URL, a port or a pattern would otherwise fit no host, or more than the caller thinks."""
    with pytest.raises(ConfigurationError, match="plain_http_hosts must be"):
        find_base_url("http://sandbox:8080", plain_http_hosts=names)


def test_the_environments_proxy_is_read_as_other_tools_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With or without a scheme, and not for what NO_PROXY names; plain http meets none."""
    base = check_base_url("https://api.motion.so")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    for given in ("http://proxy.example.com:3128", "proxy.example.com:3128"):
        monkeypatch.setenv("HTTPS_PROXY", given)
        assert str(proxy_for(base, None, trust_env=True)) == "http://proxy.example.com:3128"
        assert proxy_for(base, None, trust_env=False) is None
    for names in ("motion.so", "other,.motion.so", "api.motion.so:443", "*"):
        monkeypatch.setenv("NO_PROXY", names)
        assert proxy_for(base, None, trust_env=True) is None


def test_a_reason_keeps_sessions_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told to each that would go to another; without one all addresses may be asked."""
    real, own = check_base_url("https://api.motion.so/api/motion"), check_base_url("http://127.0.0.1:8080")
    monkeypatch.setattr(endpoint, "loopback_only", "a rehearsal")
    check_reach(own)
    with pytest.raises(ConfigurationError, match=r"^https://api\.motion\.so is another machine, and .* a rehearsal$"):
        check_reach(real)
    monkeypatch.setattr(endpoint, "loopback_only", "")
    check_reach(real)
