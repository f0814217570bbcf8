"""What is wrong with an attachment's URL, before anybody asks for it: no URL, two in one, or a page in a file's place.

Pure, and of text alone: it resolves no name and fetches nothing. It must refuse no URL that works, so it looks for
what shows a mistake, such as a second address or an end that no URL has, and not for what is merely unusual. Each
sentence says what was seen and a way out, and never repeats what may be a secret in the URL.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from motion_async.contract.hosts import address_of, is_public_host
from motion_async.showing import named, shown

__all__ = ["file_flaw", "url_flaw"]

_ELSEWHERE: Final = tuple(
    (re.compile(begins, re.IGNORECASE), flaw)
    for begins, flaw in (
        (
            r"data:",
            "a data: URL is the file itself; put it where Motion's servers can fetch it, and give that URL",
        ),
        (
            r"(?:s3[an]?|gs|r2|az|abfss?|wasbs?|oss|cos|b2|swift)://",
            "it names a file in a storage ({scheme}://), which needs your credentials; sign an https URL for it",
        ),
        (
            r"file:|[a-z]:[\\/]|~|\.{1,2}[\\/]|\\|/(?!/)",
            "it is a file of this machine; put it where Motion's servers can fetch it, and give its https URL",
        ),
        (r"//|www\.|(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?[/?#]", "it has no scheme; put https:// before it"),
        (r"https?\W", "expected http:// or https://, a host and no spaces"),
        (r"[a-z][a-z0-9+.-]+:", "{scheme}: is not fetched; expected http:// or https://, a host and no spaces"),
        (r"\w", "it is a name and no URL; put the file where Motion's servers can fetch it, and give its https URL"),
    )
)
"""How what is no web address begins, the most certain first, and what to say of it."""
_MARKS: Final = ",;|\uff0c\uff1b\u3001"
"""What separates the entries of a list, as Chinese and Japanese write it, too."""
_SECOND: Final = re.compile(
    rf"(?P<between>[\s{_MARKS}]+)(?:[a-z][a-z0-9+.-]*://|//\w+\.|www\.)"
    r"|(?<=\w)(?<!%[0-9a-f]{2})https?://",  # an escape in front is a part of a value
    re.IGNORECASE,
)
"""Where another address begins in the middle of one."""
_TWICE: Final = re.compile(r"https?://https?(?::|//)", re.IGNORECASE)
_NO_END: Final = frozenset(f'{_MARKS}"<>`\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a')
"""What ends no URL, as it stands behind one in a list or a text: the quotes of all languages, too."""
_ENTITY: Final = re.compile(r"&(?:amp|#0*38|#x0*26);", re.IGNORECASE)

_PAGES: Final = (
    # What shows a file to a person who is logged in or clicks: its host, its path, the parameters that make it a file
    # after all, and the way out.
    (
        r"drive\.google\.com",
        r"/(u/\d+/)?(file/d|drive|open|folders)\b",
        "",
        "https://drive.google.com/uc?export=download&id=…",
    ),
    (r"docs\.google\.com", r"/\w+/(u/\d+/)?d/(?!.*/export\b)", "", "its /export?format=pdf"),
    (r"photos\.(google\.com|app\.goo\.gl)", r"/", "", "a storage that gives signed URLs"),
    (r"(www\.)?dropbox\.com", r"/(s|sh|scl|t)/", "dl=1 raw=1", "the same URL with dl=1"),
    (r"1drv\.ms|onedrive\.live\.com", r"/(?!download\b|embed\b)", "download=1", "its download link"),
    (r".+\.sharepoint\.com", r"/:\w:/", "download=1", "the same URL with download=1"),
    (r"(.+\.)?box\.com", r"/(s|file|folder)/", "", "its direct link, under /shared/static/"),
    (r"we\.tl|(www\.)?wetransfer\.com", r"/", "", "a storage that gives signed URLs"),
    (r"www\.icloud\.com", r"/", "", "a storage that gives signed URLs"),
    (r"github\.com", r"/[^/]+/[^/]+/blob/", "raw=true raw=1", "its raw.githubusercontent.com URL"),
)


def url_flaw(url: str) -> str | None:
    """Say what keeps a text from being one absolute http(s) URL without credentials; None if nothing does."""
    if flaw := _scheme_flaw(url) or _text_flaw(url):
        return f"Invalid url: {flaw}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # its words may repeat a password
        return "Invalid url: its host or its port cannot be read"
    if not host:
        return "Invalid url: it has no host; expected http:// or https:// and a host"
    if parts.username is not None or parts.password is not None:
        return "The URL carries a user or a password; use a signed URL without them"
    # Browsers read a backslash as a slash, and some readers undo escapes: the host would be another one to them.
    if "\\" in url or "%" in host:
        return "Invalid url: the host can be read in two ways"
    return None


def _scheme_flaw(url: str) -> str | None:
    if url.lower().startswith(("http://", "https://")):
        return None
    for begins, flaw in _ELSEWHERE:
        if begins.match(url):
            return flaw.format(scheme=shown(url.partition(":")[0].lower(), limit=20))
    seen = f"it begins with {named(url[0])}; " if url else ""
    return f"{seen}expected http:// or https://, a host and no spaces"


def _text_flaw(url: str) -> str | None:
    """Say what shows that a text is more than one URL, or not all of one."""
    if _TWICE.match(url):
        return "it begins with a scheme twice; leave one of them out"
    for second in _SECOND.finditer(url, len("https:")):
        if not _is_in_a_list(url[: second.start()]):
            between = (second["between"] or "").strip()[:1]
            joint = f"with {named(between)} between them" if between else "one right behind the other"
            return f"it holds two URLs, {joint}; give each as one of its own"
    for place, character in enumerate(url):
        if character.isspace() or not character.isprintable():
            is_last = not url[place:].strip()
            mend = "leave that out" if is_last else "write %20 for a space, and leave out the rest"
            return f"it has {named(character)} at character {place + 1}; {mend}"
    if url[-1] in _NO_END or (url[-1] == "'" and url.count("'") % 2):
        return f"it ends with {named(url[-1])}, as no URL does; leave that out"
    if _ENTITY.search(url):
        return "it has &amp; where a URL has &: it was copied out of HTML; write & instead"
    return None


def _is_in_a_list(before: str) -> bool:
    """Whether what stands before an address is the beginning of a list of them that is a value of the URL's query."""
    _, mark, query = before.partition("?")
    value = query.rpartition("&")[2].partition("=")[2]
    return bool(mark) and not any(map(str.isspace, value)) and value.lower().startswith(("http://", "https://", "//"))


def file_flaw(url: str) -> str | None:
    """Say why Motion's servers cannot fetch a file from a URL without flaw, as far as its text tells."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    if not is_public_host(host):
        address = address_of(host)
        meant = f" ({host} stands for {address})" if address is not None and str(address) != host else ""
        return (
            f"The host is not public{meant}, so Motion's servers cannot fetch from it; put the file on a host that "
            "everyone reaches"
        )
    for hosts, path, direct, instead in _PAGES:
        if re.fullmatch(hosts, host) and re.match(path, parts.path) and not _has_one(parts, direct.split()):
            return f"This is a page of {host} that shows the file, and not the file; give {instead}"
    return None


def _has_one(parts: SplitResult, parameters: list[str]) -> bool:
    return any(parameter in parts.query.split("&") for parameter in parameters)
