"""`motion_async.http.failures`: what may pass by itself, and what does not."""

from __future__ import annotations

import re
import socket
import ssl
from typing import Any, Final

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from motion_async.http.failures import Obstacle, Way, find_obstacle

KEY: Final[Any] = aiohttp.client_reqrep.ConnectionKey("api.example", 443, True, True, None, None, None, None)
HEADERS: Final = CIMultiDictProxy[str](CIMultiDict())
GATE: Final = Obstacle("the gate is shut")
NAME: Final = Obstacle("nobody of that name", is_name=True)


def handshake(reason: str) -> Exception:
    """Give what aiohttp makes of a handshake that failed for a reason of OpenSSL's."""
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return aiohttp.ClientConnectorSSLError(KEY, error)


def proxy(status: int) -> Exception:
    request = aiohttp.RequestInfo(URL("http://proxy.example"), "CONNECT", HEADERS)
    return aiohttp.ClientHttpProxyError(request, (), status=status)


def resolver(error: OSError, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    return aiohttp.ClientConnectorDNSError(KEY, error)


def caused(by: Exception) -> Exception:
    error = aiohttp.ClientConnectionError("Cannot initialize a TLS-in-TLS connection")
    error.__cause__ = by
    return error


STANDS: Final[dict[str, tuple[Exception, str]]] = {
    "certificate": (
        aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "expired")),
        r"ssl= .* SSL_CERT_FILE",
    ),
    "fingerprint": (aiohttp.ServerFingerprintMismatch(b"a", b"b", "api.example", 443), "fingerprint"),
    **{
        reason: (handshake(reason), "scheme and port")
        for reason in (
            "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION",
            "NO_PROTOCOLS_AVAILABLE", "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_UNRECOGNIZED_NAME", "NO_SHARED_CIPHER",
            "TLSV1_ALERT_INSUFFICIENT_SECURITY", "DH_KEY_TOO_SMALL", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
            "TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_BAD_CERTIFICATE", "TLSV1_ALERT_UNKNOWN_CA",
        )
    },
    "proxy, 407": (proxy(407), "wants a password"),
    **{f"proxy, {status}": (proxy(status), "lets nothing through") for status in (302, 400, 403, 404, 405, 501, 511)},
    "no such host": (resolver(socket.gaierror(socket.EAI_NONAME, "not known")), "no host of that name"),
    "no such host, by aiodns": (resolver(OSError(None, "not found"), Exception(4, "not found")), "no host of that"),
    "no data, by aiodns": (resolver(OSError(None, "no data"), Exception(1, "no data")), "no host of that"),
    "too long a part": (UnicodeError("label empty or too long"), "nothing can have that address"),
    "no address": (aiohttp.InvalidURL("http://["), "nothing can have that address"),
    "TLS in TLS": (caused(TypeError("not supported by start_tls()")), "no proxy by https"),
}  # fmt: skip
PASSES: Final[dict[str, Exception]] = {
    "refused": aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "refused")),
    "no route": aiohttp.ClientConnectorError(KEY, OSError(113, "no route to host")),
    "the proxy refused": aiohttp.ClientProxyConnectionError(KEY, ConnectionRefusedError(111, "refused")),
    **{f"proxy, {status}": proxy(status) for status in (408, 425, 429, 500, 502, 503, 504)},
    **{
        reason: handshake(reason)
        for reason in ("UNEXPECTED_EOF_WHILE_READING", "TLSV1_ALERT_INTERNAL_ERROR", "PROTOCOL_IS_SHUTDOWN", "")
    },
    "a handshake without a reason": aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "odd")),
    "the resolver is busy": resolver(socket.gaierror(socket.EAI_AGAIN, "try again")),
    "the resolver failed": resolver(socket.gaierror(socket.EAI_FAIL, "failed")),
    "the resolver is late, by aiodns": resolver(OSError(None, "late"), Exception(12, "late")),
    "a resolver of the caller's": resolver(OSError(None, "odd")),
    "lost": aiohttp.ServerDisconnectedError(),
    "lost by something else": caused(ValueError("odd")),
    "late": TimeoutError(),
    "a hook's": KeyError("hook"),
}


@pytest.mark.parametrize(("failure", "advice"), STANDS.values(), ids=STANDS)
def test_what_does_not_pass_by_itself_has_an_advice(failure: Exception, advice: str) -> None:
    """Each says what a person can do; of a name alone the resolver may be wrong."""
    found = find_obstacle(failure)
    assert found is not None
    assert re.search(advice, found.advice)
    assert found.is_name is isinstance(failure, aiohttp.ClientConnectorDNSError)


@pytest.mark.parametrize("failure", PASSES.values(), ids=PASSES)
def test_what_may_pass_by_itself_is_no_obstacle(failure: Exception) -> None:
    """Nothing is given up that a little patience gets over."""
    assert find_obstacle(failure) is None


def test_on_a_way_that_was_never_open_an_obstacle_counts_at_once() -> None:
    """The setting is wrong, and has been from the beginning."""
    assert Way().is_blocked(GATE, now=100)


def test_a_name_is_looked_for_twice() -> None:
    """A moment later, and not by two calls in the same one."""
    way = Way()
    assert not way.is_blocked(NAME, now=100)
    assert not way.is_blocked(NAME, now=100.01)
    assert way.is_blocked(NAME, now=100.5)


def test_on_a_way_that_was_open_an_obstacle_has_to_stand() -> None:
    """For a minute in which no answer came; a name that was known is never given up."""
    way = Way()
    way.opened()
    assert not way.is_blocked(GATE, now=100)
    assert not way.is_blocked(GATE, now=159)
    way.opened()
    assert not way.is_blocked(GATE, now=159.5)
    assert not way.is_blocked(GATE, now=219)
    assert way.is_blocked(GATE, now=219.5)
    assert not way.is_blocked(NAME, now=10_000)
    assert not way.is_blocked(GATE, now=10_001), "it has come after another one, which had stood for long"
    assert way.is_blocked(GATE, now=10_061)
