"""Tests of `motion_async.contract.youtube`: which hosts are YouTube's, and what leads to one video there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from motion_async.contract.urls import url_flaw
from motion_async.contract.validation import problems
from motion_async.contract.youtube import id_flaw, is_youtube_host, video_flaw
from motion_async.jobs import VideoRequest
from motion_async.sandbox.hosts import is_youtube


def of_video(url: str) -> str:
    return url_flaw(url) or video_flaw(url) or ""


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("youtube.com", True),
        ("www.youtube.com", True),
        ("music.youtube.com", True),
        ("a.b.youtube.com", True),
        ("YouTube.COM", True),
        ("youtube.com.", True),
        ("youtu.be", True),
        ("www.youtu.be", True),
        ("youtube-nocookie.com", True),
        ("www.youtube-nocookie.com", True),
        ("evil-youtube.com", False),
        ("evilyoutube.com", False),
        ("youtube.com.evil.io", False),
        ("evil-youtu.be", False),
        ("youtube.co", False),
        ("youtube", False),
        ("com", False),
        ("youtube.com..", False),
        ("", False),
    ],
)
def test_youtubes_hosts_are_its_domains_and_what_is_under_them(host: str, expected: bool) -> None:
    """YouTube's three domains and their subdomains count, names that only look like them do not."""
    assert is_youtube_host(host) is expected
    assert is_youtube(host) is expected, "the sandbox has a rule of its own"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("www.youtube.com/watch?v=x", "has no scheme"),
        ("youtu.be/x", "has no scheme"),
        ("https://www.youtube.com/results?search_query=x", "a page of search results"),
        ("https://www.youtube.com/watch", "without its video"),
        ("https://www.youtube.com/watch?v=", "without its video"),
        ("https://www.youtube.com/watch?t=5", "without its video"),
        ("https://youtu.be/", "without its video"),
        ("https://www.youtube.com/shorts/", "without its video"),
        ("https://www.youtube.com/@channel", "a channel's page"),
        ("https://www.youtube.com/@channel/videos", "a channel's page"),
        ("https://www.youtube.com/channel/UC1", "a channel's page"),
        ("https://www.youtube.com/c/name", "a channel's page"),
        ("https://www.youtube.com/user/name", "a channel's page"),
        ("https://www.youtube.com/playlist?list=PL1", "a playlist"),
        ("https://www.youtube.com/watch?list=PL1", "a playlist"),
        ("https://www.youtube.com/embed/videoseries?list=PL1", "a playlist"),
        ("https://www.youtube.com/", "lists videos"),
        ("https://www.youtube.com/feed/trending", "lists videos"),
        ("https://vimeo.com/1", "must be a YouTube URL"),
    ],
)
def test_a_style_reference_without_a_video_is_told(url: str, told: str) -> None:
    """A page of YouTube's that is no video's is refused, and it is said which page it is."""
    assert told in of_video(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=x&list=PL1",
        "https://www.youtube.com/watch/x",
        "https://www.youtube.com/shorts/x",
        "https://www.youtube.com/live/x?feature=share",
        "https://www.youtube-nocookie.com/embed/x",
        "https://music.youtube.com/watch?v=x",
        "https://youtu.be/x?t=5",
        "https://www.youtube.com/clip/x",
    ],
)
def test_a_video_in_any_of_youtubes_ways_is_a_style_reference(url: str) -> None:
    """Whatever names a video, or may, is allowed."""
    assert not of_video(url)


def test_a_videos_id_alone_is_told_how_it_is_a_url() -> None:
    """And nothing of files, which it is none of."""
    [problem] = problems(VideoRequest("p", style_reference_url="dQw4w9WgXcQ"), now=datetime(2026, 5, 1, tzinfo=UTC))
    assert problem.path == ("style_reference_url",)
    assert "https://youtu.be/dQw4w9WgXcQ" in problem.message
    assert id_flaw("https://youtu.be/dQw4w9WgXcQ") is None
    assert id_flaw("calendar") is None
