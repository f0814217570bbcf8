"""Tests of `motion_async.contract.hosts`."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.contract.hosts import is_public_host
from motion_async.contract.validation import problems
from motion_async.jobs import VideoRequest

NOW = datetime(2026, 4, 28, tzinfo=UTC)
LOOPBACK = [
    *(
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "127.1.",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0X7F000001",
    ),
    *("0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0x7F.0x0.0x0.0x1", "00000177.0.0.0x1", "127.0.0.01", "0177.1"),
    *(
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "127\uff0e0\uff0e0\uff0e1",
        "127\uff610\uff610\uff611",
    ),
    *(
        "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1",
        "\uff10\uff58\uff17\uff46.1",
        "127.0.0.\u00b9",
        "1\u00ad27.0.0.1",
        "①27.⓪.0.1。",
    ),
    *("0", "0x", "0x0", "00", "0.0.0.0", "0.", "0x.0x.0"),
]
PRIVATE = [
    *("10.0.0.1", "172.16.0.1", "192.168.1", "169.254.169.254", "2852039166", "0xa9fea9fe", "100.64.0.1", "198.18.0.1"),
    *(
        "192.0.2.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "0xe0.1",
        "240.0.0.1",
        "255.255.255.255",
        "4294967295",
    ),
]
NUMBERS_THAT_ARE_NONE = [
    *(
        "256.1.1.1",
        "1.2.3.4.5",
        "4294967296",
        "1.2.3.256",
        "1.2.65536",
        "8.8.8.08",
        "08",
        "8.8..8",
        "8.8.8.8..",
    ),
    *("example.1", "a.b.0x7f", "1e3.1", "9" * 5_000, "0x" + "f" * 5_000, "8.8.8.8.."),
]
NAMES = [
    *(
        "localhost",
        "LOCALHOST",
        "localhost.",
        "localhost..",
        "a.localhost",
        "a.localhost.",
        "..localhost",
        ".",
        "..",
        "",
    ),
    *(
        "localhost.localdomain",
        "db.localdomain",
        "localhost4.localdomain4",
        "localhost6",
        "ip6-localhost",
        "ip6-loopback",
    ),
    *(
        "printer.local",
        "nas.lan",
        "metadata.google.internal",
        "router.home.arpa",
        "wiki.corp",
        "wiki.intranet",
        "nas.home",
    ),
    *("a.private", "a.invalid", "a.test", "a.onion", "a..example.com", ".example.com", "example.com.."),
    *(
        "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "locaLho\u017ft",
        "nas。lan",
        "nas\uff0elocal",
        "a\u3002\u3002com",
    ),
    *("lo\u00adcalhost", "local\u200bhost", "x.\u2488com", "a.\ud800"),
]
V6 = [
    *(
        "::",
        "::1",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "::7f00:1",
    ),
    *("64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1"),
    *(
        "2001:0:7f00:1::",
        "2001::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ),
    *(
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "4000::1",
        "::ffff:0:127.0.0.1",
        "::ffff:169.254.169.254",
        "1::2::3",
        ":",
        "[::1]",
    ),
]


@pytest.mark.parametrize("host", [*LOOPBACK, *PRIVATE, *NUMBERS_THAT_ARE_NONE, *NAMES, *V6], ids=ascii)
def test_a_host_that_cannot_be_public_is_known_in_every_spelling(host: str) -> None:
    """As browsers and other clients read it: numbers of any radix, few parts, other digits, other dots, other ends."""
    assert not is_public_host(host[:6_000])


@pytest.mark.parametrize(
    "host",
    [
        *("example.com", "EXAMPLE.com.", "storage.googleapis.com", "my_bucket.s3.amazonaws.com", "a-.example.com"),
        *("8.8.8.8", "8.8.8.8.", "134744072", "0x08080808", "010.8.8.8", "8.8.2056", "1.1", "93.184.216.34"),
        *("2606:4700:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8"),
        *("bücher.example", "例え.jp", "xn--bcher-kva.example", "straße.de", "1.2.3.4.example.com", "0x7f.example"),
        *("notlocalhost", "mylocal", "local.example.com", "localhost.example.com", "lan.com", "a.plan", "test.com"),
        *("127.0.0.1.nip.io", "example。com", "\uff45\uff58\uff41mple.com"),
    ],
)
def test_what_can_be_public_is_let_pass(host: str) -> None:
    """A name with private words in another place, an address of the net, letters of any language."""
    assert is_public_host(host)


@given(st.text())
def test_any_text_is_a_host_or_none(host: str) -> None:
    """Nothing that stands in the place of a host raises."""
    assert is_public_host(host) in (True, False)


@given(st.ip_addresses(v=4))
def test_an_address_is_the_same_in_each_of_its_spellings(address: IPv4Address) -> None:
    """Whole or in parts, with any radix, and mapped into IPv6: what is private by one is so by all."""
    a, b, c, d = address.packed
    expected = is_public_host(str(address))
    assert expected <= address.is_global
    spellings = [
        *(
            f"{int(address)}",
            f"{int(address):#x}",
            f"0{int(address):o}",
            f"{a}.{b}.{c * 256 + d}",
            f"{a:#x}.{b}.0{c:o}.{d}",
        ),
        *(f"{a}.{(b * 256 + c) * 256 + d}", f"{address}.", f"::ffff:{address}", str(address).replace(".", "。")),
        str(address).translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)}),
    ]
    assert {is_public_host(spelling) for spelling in spellings} == {expected}


@given(st.ip_addresses(v=4), st.sampled_from(["64:ff9b::{}", "::{}", "::ffff:0:{}"]))
def test_an_address_that_stands_for_another_is_never_public(address: IPv4Address, form: str) -> None:
    """Whatever it stands for: no server has it."""
    assert not is_public_host(form.format(address))
    six_to_four = IPv6Address((0x2002 << 112) | (int(address) << 80) | 1)
    assert not is_public_host(str(six_to_four))


@pytest.mark.parametrize(
    "url",
    [
        *("https://2130706433/a.png", "https://0x7f.1/a.png", "https://①②⑦.⓪.⓪.①/a.png", "https://127。0。0。1/a.png"),
        *(
            "https://localhost../a.png",
            "https://nas.lan:8443/a.png",
            "https://[64:ff9b::7f00:1]/a.png",
            "https://224.0.0.1/a.png",
        ),
    ],
)
def test_an_attachment_of_such_a_host_is_refused(url: str) -> None:
    """Before it is sent, with its place."""
    (problem,) = problems(VideoRequest("a video", attachments=[url]), now=NOW)
    assert (problem.path, "not public" in problem.message) == (("attachments", 0, "url"), True)
