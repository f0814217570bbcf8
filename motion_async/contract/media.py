"""Finds an attachment's content type and type from its name, where the caller did not give them.

The table is the library's own: the same request goes out the same from every machine and every Python, whatever their
tables of MIME types hold. What is not in it is not guessed. Pure; who a request is never depends on this.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

from motion_async.jobs import ATTACHMENT_TYPES, Attachment, AttachmentType

__all__ = ["MEDIA_TYPES", "guess_types"]

MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # images
        "apng": "image/apng",
        "avif": "image/avif",
        "bmp": "image/bmp",
        "gif": "image/gif",
        "heic": "image/heic",
        "heif": "image/heif",
        "jfif": "image/jpeg",
        "jpe": "image/jpeg",
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "jxl": "image/jxl",
        "png": "image/png",
        "psd": "image/vnd.adobe.photoshop",
        "svg": "image/svg+xml",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "webp": "image/webp",
        # videos
        "3g2": "video/3gpp2",
        "3gp": "video/3gpp",
        "avi": "video/x-msvideo",
        "m2ts": "video/mp2t",
        "m4v": "video/x-m4v",
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "mp4": "video/mp4",
        "mpeg": "video/mpeg",
        "mpg": "video/mpeg",
        "mts": "video/mp2t",
        "ogv": "video/ogg",
        "ts": "video/mp2t",
        "webm": "video/webm",
        "wmv": "video/x-ms-wmv",
        # sounds
        "aac": "audio/aac",
        "aif": "audio/aiff",
        "aiff": "audio/aiff",
        "flac": "audio/flac",
        "m4a": "audio/mp4",
        "mp3": "audio/mpeg",
        "oga": "audio/ogg",
        "ogg": "audio/ogg",
        "opus": "audio/ogg",
        "wav": "audio/wav",
        "weba": "audio/webm",
        # texts, slides, fonts and models: to the contract, a `file`
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "glb": "model/gltf-binary",
        "gltf": "model/gltf+json",
        "json": "application/json",
        "md": "text/markdown",
        "otf": "font/otf",
        "pdf": "application/pdf",
        "ppt": "application/vnd.ms-powerpoint",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "rtf": "application/rtf",
        "srt": "application/x-subrip",
        "ttf": "font/ttf",
        "txt": "text/plain",
        "vtt": "text/vtt",
        "woff": "font/woff",
        "woff2": "font/woff2",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "zip": "application/zip",
    }
)
"""The content type of each ending of a file name, in small letters, that a video can be made with."""
_KINDS: Final[Mapping[str, AttachmentType]] = MappingProxyType({kind: kind for kind in ATTACHMENT_TYPES})


def guess_types(attachment: Attachment) -> tuple[str | None, AttachmentType | None]:
    """Give the content type and the type that an attachment is sent with: the caller's, else what is known of them."""
    content_type = attachment.content_type
    if content_type is None:
        content_type = next(filter(None, map(_content_type_of, _file_names(attachment))), None)
    if attachment.type is not None or content_type is None:
        return content_type, attachment.type
    first = content_type.partition("/")[0].lower()
    return content_type, _KINDS.get(first, "file")


def _file_names(attachment: Attachment) -> Iterator[str]:
    """Give the file names that may tell a content type: the attachment's name, then the end of its URL's path."""
    if attachment.name is not None:
        yield attachment.name
    with contextlib.suppress(ValueError):  # no URL at all, which no request has that is sent
        yield posixpath.basename(unquote(urlsplit(attachment.url).path))


def _content_type_of(name: str) -> str | None:
    return MEDIA_TYPES.get(posixpath.splitext(name.rstrip())[1][1:].lower())
