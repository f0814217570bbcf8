"""An nginx before a server, as its defaults have it: it collects answers, and cuts what has been silent for a while."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.demands import demand_program
from tests.waiting import until_now
from tests.web.servers import Address

__all__ = ["COLLECTED", "PATIENCE", "nginx"]

PATIENCE: Final = 2
"""Seconds of silence after which it cuts a connection, in place of its sixty."""
COLLECTED: Final = "/collected"
"""Below this it collects answers whatever their headers say."""
_SETTINGS: Final = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_read_timeout {patience}s;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{ proxy_pass {upstream}; }}
        location {collected}/ {{ proxy_pass {upstream}/; proxy_ignore_headers X-Accel-Buffering; }}
    }}
}}
"""


@contextmanager
def nginx(upstream: str, folder: Path) -> Iterator[str]:
    """Run it in a folder before the server of a URL, and give the URL of its own."""
    program = demand_program("nginx")
    folder.mkdir()
    address, settings = Address(), folder / "nginx.conf"
    words = {"folder": folder, "port": address.port, "upstream": upstream, "patience": PATIENCE, "collected": COLLECTED}
    settings.write_text(_SETTINGS.format_map(words), encoding="utf-8")
    process = subprocess.Popen([program, "-e", folder / "error.log", "-c", settings], text=True)
    try:
        until_now((folder / "nginx.pid").exists, running=process)
        yield address.url
    finally:
        process.terminate()
        process.wait()
        address.close()
