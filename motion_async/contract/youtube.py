"""What counts as a YouTube URL of a video: the hosts that are YouTube's, and the paths that lead to one video.

Pure, and of text alone: it asks nobody whether the video is there.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

__all__ = ["id_flaw", "is_youtube_host", "video_flaw"]

_DOMAINS: Final = ("youtube.com", "youtube-nocookie.com", "youtu.be")
_ID: Final = re.compile(r"[\w-]{11}", re.ASCII)
_PLAYERS: Final = ("watch", "shorts", "embed", "live", "v")
"""What a path on YouTube begins with that goes on with a video; that of /watch may be the parameter v."""
_LISTS: Final = {
    "playlist": "a playlist and no video of it",
    **dict.fromkeys(("results", "search"), "a page of search results"),
    **dict.fromkeys(("channel", "c", "user"), "a channel's page"),
    **dict.fromkeys(("", "feed", "hashtag"), "a page of YouTube's that lists videos"),
}


def id_flaw(url: str) -> str | None:
    """Say how a video's id alone is made a style reference; None for what is none."""
    return f"Invalid url: it is a video's id; give https://youtu.be/{url}" if _ID.fullmatch(url) else None


def video_flaw(url: str) -> str | None:
    """Say why a URL without flaw is no style reference: it is not YouTube's, or names no video of theirs."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    if not is_youtube_host(host):
        return "Style reference must be a YouTube URL"
    what = _page_of(host, parts)
    return f"The style reference is {what}; give the URL of one video, such as https://youtu.be/…" if what else None


def _page_of(host: str, parts: SplitResult) -> str | None:
    """Say which of YouTube's pages a URL leads to, if it is one that is known to be no video's."""
    first, *rest = parts.path.strip("/").split("/")
    query = parse_qs(parts.query)
    is_short = host.lower().endswith("youtu.be")
    if not is_short and first not in _PLAYERS:
        return "a channel's page" if first.startswith("@") else _LISTS.get(first)
    video = first if is_short else "".join(rest) or query.get("v", [""])[0].strip()
    if video and video != "videoseries":
        return None
    return _LISTS["playlist"] if "list" in query else f"a YouTube URL without its video (/{first})"


def is_youtube_host(host: str) -> bool:
    """Whether a host name is YouTube's: one of its domains, or a subdomain of one.

    Args:
        host: the host of a style reference, without port, in any case.
    """
    name = host.lower().removesuffix(".")
    return any(name == domain or name.endswith("." + domain) for domain in _DOMAINS)
