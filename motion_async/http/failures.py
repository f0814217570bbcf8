"""What keeps a connection from being made: whether that can pass by itself, and what to do where it can't.

One table of the failures of aiohttp, TLS and the resolver. It must not connect to anything, nor look at a clock.
"""

from __future__ import annotations

import re
import socket
from typing import Final

import aiohttp
import attrs

__all__ = ["Obstacle", "Way", "find_obstacle"]

_SECOND_LOOK: Final = 0.1
"""Seconds after which a name is looked for a second time, and not just by two calls at once."""
_STANDS: Final = 60.0
"""Seconds for which an obstacle has to stand on a way that was open before."""


@attrs.frozen
class Obstacle:
    """What stands in the way of a connection, and goes away only if somebody does something.

    Args:
        advice: what that is, and what to do.
        is_name: whether the host was not found, which the resolver may say by mistake.
    """

    advice: str
    is_name: bool = False


_CERTIFICATE: Final = Obstacle(
    "the certificate cannot be verified: trust its authority by ssl= (an SSLContext) or the environment's "
    "SSL_CERT_FILE, and check this machine's clock"
)
_FINGERPRINT: Final = Obstacle("the certificate is not the one that ssl= names: check that fingerprint")
_NO_TLS: Final = Obstacle(
    "the two sides share no version or cipher of TLS, a certificate of yours is wanted, or no TLS is spoken there: "
    "check scheme and port of the base URL and of the proxy, and what ssl= has"
)
_TLS_IN_TLS: Final = Obstacle(
    "this event loop takes no proxy by https: give the proxy's URL with http, or use asyncio's"
)
_PASSWORD: Final = Obstacle(
    "the proxy wants a password: put USER:PASSWORD@ before the host in its URL, with %40 for an @ in either"
)
_PROXY: Final = Obstacle("the proxy lets nothing through to there: ask who runs it, check its URL, or go without it")
_HOST: Final = Obstacle("there is no host of that name: check the base URL, and the proxy's", is_name=True)
_ADDRESS: Final = Obstacle("nothing can have that address: check the base URL, and the proxy's")

_NO_COMMON_TLS: Final = re.compile(
    r"VERSION|(UNSUPPORTED|UNKNOWN|NO)_PROTOCOL|HTTP|CIPHER|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|UNRECOGNIZED_NAME"
    r"|KEY_TOO_SMALL|LEGACY|ALERT_\w*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED"
)
"""In what OpenSSL calls a failed handshake that ends in the same way each time; a lost connection has other names."""
_BUSY_PROXY: Final = (408, 425, 429, 500, 502, 503, 504)
"""What a proxy answers that is in trouble itself, or finds the service so."""
_NO_SUCH_NAME: Final = {
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
}
_NO_SUCH_NAME_OF_ARES: Final = ((1,), (4,))
"""No data, and not found, as aiodns has it, which aiohttp uses where it is installed."""


def find_obstacle(failure: Exception) -> Obstacle | None:
    """Give what was in the way of a connection; None if trying again may help."""
    found: Obstacle | None = None
    match failure:
        case aiohttp.ClientConnectorCertificateError():
            found = _CERTIFICATE
        case aiohttp.ServerFingerprintMismatch():
            found = _FINGERPRINT
        case aiohttp.ClientConnectorSSLError() if _NO_COMMON_TLS.search(_reason_of(failure.os_error)):
            found = _NO_TLS
        case aiohttp.ClientHttpProxyError(status=407):
            found = _PASSWORD
        case aiohttp.ClientHttpProxyError() if failure.status not in _BUSY_PROXY:
            found = _PROXY
        case aiohttp.ClientConnectorDNSError() if _is_unknown(failure.os_error):
            found = _HOST
        case aiohttp.InvalidURL() | UnicodeError():  # the latter of a name with too long a part, for example
            found = _ADDRESS
        case aiohttp.ClientConnectionError(__cause__=TypeError()):
            found = _TLS_IN_TLS
    return found


def _reason_of(error: OSError) -> str:
    """Give OpenSSL's name of what went wrong, empty where it has none."""
    return getattr(error, "reason", None) or ""


def _is_unknown(error: OSError) -> bool:
    """Whether the resolver knows that there is no such host, and has not just failed to find out."""
    if isinstance(error, socket.gaierror):
        return error.errno in _NO_SUCH_NAME
    return getattr(error.__cause__, "args", ())[:1] in _NO_SUCH_NAME_OF_ARES


class Way:
    """What is known of the way to the service: whether it was open, and since when something stands there.

    A way that was open may be so again whatever stands there now: a laptop is in no network, a hotel's page asks for a
    click, one of several proxies is set up wrongly. So jobs that are watched, and batches, outlive that for a while.
    """

    def __init__(self) -> None:
        self._was_open = False
        self._standing: tuple[Obstacle, float] | None = None

    def opened(self) -> None:
        """Note that an answer came."""
        self._was_open = True
        self._standing = None

    def is_blocked(self, obstacle: Obstacle, *, now: float) -> bool:
        """Say whether it makes no sense to try again: at once, but for a name, which is looked for a second time.

        On a way that was open an obstacle has to stand for a minute, and a name that was known is never given up.
        """
        if self._standing is None or self._standing[0] != obstacle:
            self._standing = (obstacle, now)
        stands = now - self._standing[1]
        if self._was_open:
            return stands >= _STANDS and not obstacle.is_name
        return stands >= _SECOND_LOOK or not obstacle.is_name
