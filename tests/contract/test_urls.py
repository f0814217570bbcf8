"""Tests of `motion_async.contract.urls`."""

import pytest

from motion_async.contract.urls import file_flaw, url_flaw

HOST = "https://h.example.com"
FILE = f"{HOST}/a.png"


def of_file(url: str) -> str:
    return url_flaw(url) or file_flaw(url) or ""


@pytest.mark.parametrize(
    "url",
    [
        "https://res.cloudinary.com/demo/image/upload/w_100,h_100,c_fill/a.png",
        "https://res.cloudinary.com/demo/image/fetch/w_100,h_100/https://upload.example.org/a.jpg",
        f"{HOST}/a.png?sizes=1,2,3",
        f"{HOST}/a.png?from=x&urls=https://a.example.com/x.png,https://b.example.com/y.png",
        f"{HOST}/combine/npm/a.js,npm/b.js",
        f"{HOST}/a.png,b.png",
        f"{HOST}/web/2020id_/https://b.example.com/x.png",
        f"{HOST}/a.png?next=x%3Dhttps://b.example.com/",
        f"{HOST}/a;v=1/b.png",
        f"{HOST}/a|b.png",
        f"{HOST}/list('a.png')",
        f"{HOST}/list?filter='a'",
        f"{HOST}/X_(y)",
        f"{HOST}/awww.b.png",
        f"{HOST}//a.png",
        f"{HOST}/a.png?a=1&amplitude=2",
        "https://drive.google.com/uc?export=download&id=1",
        "https://docs.google.com/document/d/1/export?format=pdf",
        "https://www.dropbox.com/scl/fi/x/y.png?rlkey=1&dl=1",
        "https://www.dropbox.com/s/x/y.png?raw=1",
        "https://dl.dropboxusercontent.com/s/x/y.png",
        "https://x-my.sharepoint.com/:i:/g/personal/x?download=1",
        "https://github.com/a/b/raw/main/x.png",
        "https://github.com/a/b/blob/main/x.png?raw=true",
    ],
)
def test_a_url_that_works_is_not_refused(url: str) -> None:
    """Commas, other URLs inside, and marks that are merely unusual keep no file from being fetched."""
    assert not of_file(url)


JOINTS = {
    ",": "with U+002C COMMA between",
    ", ": "with U+002C COMMA between",
    ";": "with U+003B SEMICOLON between",
    " | ": "with U+007C VERTICAL LINE between",
    "\uff0c": "with U+FF0C FULLWIDTH COMMA between",
    "\n": "one right behind the other",
    " ": "one right behind the other",
}


@pytest.mark.parametrize("first", [FILE, f"{FILE}?X-Amz-Signature=0af"])
@pytest.mark.parametrize(
    ("rest", "told"),
    [
        *(
            (joint + second, told)
            for joint, told in JOINTS.items()
            for second in (FILE, "s3://bucket/b.png", "//cdn.example.com/b.png", "www.example.com/b.png")
        ),
        (FILE, "one right behind the other"),
    ],
)
def test_two_urls_in_one_are_told(first: str, rest: str, told: str) -> None:
    """Two URLs are seen by what is between them, behind a signature, too; and it is said what that is."""
    assert f"two URLs, {told}" in of_file(first + rest)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"{FILE},", "ends with U+002C COMMA"),
        (f"{FILE}?a=1;", "ends with U+003B SEMICOLON"),
        (f"{FILE}\u201d", "ends with U+201D RIGHT DOUBLE QUOTATION MARK"),
        (f"{FILE}\u00bb", "ends with U+00BB RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK"),
        (f"{FILE}'", "ends with U+0027 APOSTROPHE"),
        (f"{FILE}>", "ends with U+003E GREATER-THAN SIGN"),
        (f'"{FILE}"', "begins with U+0022 QUOTATION MARK"),
        (f"\ufeff{FILE}", "begins with U+FEFF BYTE ORDER MARK"),
        (f"{FILE}?a=1&amp;b=2", "&amp; where a URL has &"),
        (f"{FILE}?a=1&#38;b=2", "&amp; where a URL has &"),
        (f"{HOST}/a b.png", "U+0020 SPACE at character 24"),
        (f"{FILE} ", "U+0020 SPACE at character 28"),
        (f"{FILE}\n", "U+000A LINE FEED at character 28"),
        (f"{HOST}/a\u200b.png", "U+200B ZERO WIDTH SPACE at character 24"),
        (f"{HOST}/a\u00a0.png", "U+00A0 NO-BREAK SPACE at character 24"),
        ("s3://bucket/a.png", "file in a storage (s3://)"),
        ("gs://bucket/a.png", "file in a storage (gs://)"),
        ("data:image/png;base64,AAAA", "is the file itself"),
        ("C:\\pictures\\a.png", "file of this machine"),
        ("c:/pictures/a.png", "file of this machine"),
        ("file:///a.png", "file of this machine"),
        ("~/a.png", "file of this machine"),
        ("./a.png", "file of this machine"),
        ("../a.png", "file of this machine"),
        ("/home/a.png", "file of this machine"),
        ("\\\\server\\a.png", "file of this machine"),
        ("a.png", "is a name and no URL"),
        ("a.png,b.png", "is a name and no URL"),
        ("example.com/a.png", "has no scheme; put https:// before it"),
        ("www.example.com", "has no scheme; put https:// before it"),
        ("//cdn.example.com/a.png", "has no scheme; put https:// before it"),
        ("ftp://example.com/a.png", "ftp: is not fetched"),
        ("https:/example.com/a.png", "expected http:// or https://"),
        ("https://drive.google.com/file/d/1/view?usp=sharing", "page of drive.google.com that shows the file"),
        ("https://drive.google.com/open?id=1", "uc?export=download&id="),
        ("https://drive.google.com/u/0/file/d/1/view", "page of drive.google.com that shows the file"),
        ("https://https://h.example.com/a.png", "begins with a scheme twice"),
        ("http://http//h.example.com/a.png", "begins with a scheme twice"),
        ("https://docs.google.com/document/d/1/edit", "/export?format="),
        ("https://photos.app.goo.gl/x", "page of photos.app.goo.gl"),
        ("https://www.dropbox.com/s/x/y.png", "the same URL with dl=1"),
        ("https://www.dropbox.com/scl/fi/x/y.png?rlkey=1&dl=0", "the same URL with dl=1"),
        ("https://1drv.ms/i/s!A", "its download link"),
        ("https://onedrive.live.com/?id=1", "its download link"),
        ("https://x-my.sharepoint.com/:i:/g/personal/x?e=1", "the same URL with download=1"),
        ("https://github.com/a/b/blob/main/x.png", "raw.githubusercontent.com"),
        ("https://127.1/", "127.1 stands for 127.0.0.1"),
        ("https://2130706433/", "2130706433 stands for 127.0.0.1"),
        ("https://0x7f.1/", "0x7f.1 stands for 127.0.0.1"),
        ("https://0300.0250.1/", "0300.0250.1 stands for 192.168.0.1"),
        ("https://[::ffff:a00:1]/", "::ffff:a00:1 stands for 10.0.0.1"),
        ("https://localhost/", "put the file on a host that everyone reaches"),
    ],
)
def test_what_was_seen_and_a_way_out_are_told(url: str, told: str) -> None:
    """Each mistake has a sentence of its own."""
    assert told in of_file(url)
