"""Tests of `motion_async.contract.media`: what is told of an attachment that the caller did not say."""

from __future__ import annotations

import mimetypes
from typing import Any

import pytest

from motion_async import Attachment
from motion_async.contract.media import MEDIA_TYPES, guess_types
from motion_async.jobs import ATTACHMENT_TYPES


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("hero.png", "image/png", "image"),
        ("hero.JPG", "image/jpeg", "image"),
        ("hero.jfif", "image/jpeg", "image"),
        ("hero.webp", "image/webp", "image"),
        ("hero.avif", "image/avif", "image"),
        ("hero.heic", "image/heic", "image"),
        ("logo.psd", "image/vnd.adobe.photoshop", "image"),
        ("intro.mp4", "video/mp4", "video"),
        ("intro.m4v", "video/x-m4v", "video"),
        ("intro.mov", "video/quicktime", "video"),
        ("intro.mkv", "video/x-matroska", "video"),
        ("clip.ts", "video/mp2t", "video"),
        ("jingle.mp3", "audio/mpeg", "audio"),
        ("jingle.m4a", "audio/mp4", "audio"),
        ("jingle.flac", "audio/flac", "audio"),
        ("jingle.ogg", "audio/ogg", "audio"),
        ("jingle.opus", "audio/ogg", "audio"),
        ("script.pdf", "application/pdf", "file"),
        ("script.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "file"),
        ("slides.pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "file"),
        ("notes.txt", "text/plain", "file"),
        ("brand.otf", "font/otf", "file"),
        ("brand.ttf", "font/ttf", "file"),
        ("chair.glb", "model/gltf-binary", "file"),
        ("two%20words.png", "image/png", "image"),
        ("escaped%2Epng", "image/png", "image"),
        ("in%2Fa%2Ffolder.png", "image/png", "image"),
        ("noextension", None, None),
        ("strange.qqzzq", None, None),
        ("program.exe", None, None),
        (".png", None, None),
        ("", None, None),
    ],
)
def test_types_are_told_by_the_urls_file_name(name: str, content_type: str | None, kind: str | None) -> None:
    """Content type and type come from the file name of the URL, whatever its query says."""
    attachment = Attachment(f"https://storage.example.com/signed/{name}?sig=a.gif#b.gif")
    assert guess_types(attachment) == (content_type, kind)


@pytest.mark.parametrize(
    ("given", "content_type", "kind"),
    [
        ({"name": "hero.png"}, "image/png", "image"),
        ({"name": "hero.png "}, "image/png", "image"),
        ({"name": "Hero image"}, "video/mp4", "video"),
        ({"name": "Hero v1.2"}, "video/mp4", "video"),
        ({"type": "file"}, "video/mp4", "file"),
        ({"content_type": "audio/wav"}, "audio/wav", "audio"),
        ({"content_type": "IMAGE/PNG"}, "IMAGE/PNG", "image"),
        ({"content_type": "image/png; charset=binary"}, "image/png; charset=binary", "image"),
        ({"content_type": "application/json"}, "application/json", "file"),
        ({"content_type": "model/gltf", "type": "video"}, "model/gltf", "video"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_what_is_given_is_not_guessed(given: dict[str, Any], content_type: str, kind: str) -> None:
    """A name with an ending that is known counts before the URL's, and a given type before any guess."""
    assert guess_types(Attachment("https://storage.example.com/intro.mp4", **given)) == (content_type, kind)


def test_the_machines_own_table_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes out is the same from a machine that knows more types than others, or other ones."""
    urls = [f"https://a.example.com/x.{ending}" for ending in [*MEDIA_TYPES, "qqzzq", "exe"]]
    here = [guess_types(Attachment(url)) for url in urls]
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_, **__: ("text/vnd.trolltech.linguist", None))
    assert [guess_types(Attachment(url)) for url in urls] == here


def test_every_row_of_the_table_is_a_type_of_the_contract() -> None:
    """Its endings are as they are looked up, and its types are types."""
    for ending, content_type in MEDIA_TYPES.items():
        assert ending == ending.lower().strip(".")
        first, second = content_type.split("/")
        assert first in {"image", "video", "audio", "application", "text", "font", "model"}
        assert second
        assert guess_types(Attachment(f"https://a.example.com/x.{ending}"))[1] in ATTACHMENT_TYPES


def test_what_is_no_url_has_no_type() -> None:
    """Nothing raises: what is wrong with it is said elsewhere."""
    assert guess_types(Attachment("https://[::1/x.png")) == (None, None)
