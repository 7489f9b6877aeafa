from __future__ import annotations

import io
import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import Command, Message, connect
from ether_protocol.tools.decode.cutting import CUT_SHORT, MISSING, WITHOUT_BEGINNING
from ether_protocol.tools.decode.transcript import Entry
from ether_protocol.wire.codec import encode
from harness import Etherd
from protocol.tools.packets import CLIENT, SERVER, SERVER_PORT, Wire, pcap
from protocol.tools.recording_proxy import recording

dpkt = pytest.importorskip("dpkt", reason="dpkt is not installed: nothing can read a capture")
from ether_protocol.tools.decode.capture import read_capture  # noqa: E402 - it imports dpkt

WRITE = encode(Message(Command.WRITE, 7, payload=b"x" * 1000, request_id=1))
WRITTEN = encode(Message(Command.OK, 7, 1000, request_id=1))
READ = encode(Message(Command.READ, 7, 1000, request_id=2))
BYTES = encode(Message(Command.OK, 7, 1000, payload=b"x" * 1000, request_id=2))

WHOLE = [
    "> WRITE #1 handle=7",
    "< OK #1 handle=7 size=1000 WRITE",
    "> READ #2 handle=7 size=1000",
    "< OK #2 handle=7 size=1000 READ",
]


def session(**options: int) -> Wire:
    """A WRITE and a READ, in segments of 300 bytes."""
    wire = Wire(mss=300, **options).open()
    wire.say(True, WRITE).say(False, WRITTEN).say(True, READ).say(False, BYTES)
    return wire.close()


def lines(frames: list[bytes], port: int = SERVER_PORT) -> list[str]:
    return [line(entry) for entry in read_capture(pcap(frames), port)]


def line(entry: Entry) -> str:
    """Which route, what, and the command it answers."""
    assert entry.route is not None
    assert {entry.route.source, entry.route.destination} == {CLIENT, SERVER}
    cut = entry.cut
    words = [">" if entry.route.destination == SERVER else "<"]
    words.append(str(cut.message) if cut.message is not None else f"{cut.length} bytes")
    words.append(Command(entry.answers).name if entry.answers else "")
    return " ".join(filter(None, [*words, cut.note]))


def with_payload(wire: Wire) -> list[int]:
    """Which of its frames carry bytes."""
    return [
        turn
        for turn, frame in enumerate(wire.frames)
        if len(dpkt.ethernet.Ethernet(frame).data.data.data)
    ]


def test_a_real_session(etherd: Etherd) -> None:
    with recording(etherd) as recorded, connect(recorded.address) as client:
        block = client.alloc(100_000)
        block.write(b"x" * 70_000)
        block.read(10)
        client.info(block.handle)
    frames = Wire().open().play(recorded.chunks).close().frames

    assert [re.sub(r" #\d+", "", each) for each in lines(frames)][-8:] == [
        "> ALLOC size=100000",
        "< OK handle=1 size=100000 ALLOC",
        "> WRITE handle=1",
        "< OK handle=1 size=70000 WRITE",
        "> READ handle=1 size=10",
        "< OK handle=1 size=10 READ",
        "> INFO handle=1",
        "< OK handle=1 INFO",
    ]


def test_the_numbers_may_wrap() -> None:
    assert lines(session(first=2**32 - 500).frames) == WHOLE


def test_retransmitted_bytes_are_shown_once() -> None:
    wire = session()
    frames = [frame for frame in wire.frames for _ in range(2)]

    assert lines(frames) == WHOLE
    assert lines(wire.frames + wire.frames[3:]) == WHOLE


def test_segments_that_overtake_each_other() -> None:
    frames = session().frames
    frames[3:7] = reversed(frames[3:7])  # the WRITE's four segments

    assert lines(frames) == WHOLE


def test_a_packet_that_the_capture_missed() -> None:
    frames = session().frames
    del frames[4]  # of the WRITE

    assert lines(frames) == [
        f"> WRITE #1 handle=7 {CUT_SHORT}",
        f"> 300 bytes {MISSING}",
        f"> 440 bytes {WITHOUT_BEGINNING}",
        *WHOLE[1:],
    ]


def test_truncated_packets() -> None:
    entries = list(read_capture(pcap(session().frames, snap=100), SERVER_PORT))

    assert line(entries[0]) == f"> WRITE #1 handle=7 {CUT_SHORT}"
    assert sum(entry.cut.length for entry in entries) == sum(
        map(len, (WRITE, WRITTEN, READ, BYTES))
    )
    assert sum(entry.cut.length for entry in entries if entry.cut.note == MISSING) > 1500


def test_a_capture_that_begins_in_the_middle() -> None:
    wire = session()
    *_, last = with_payload(wire)

    assert lines(wire.frames[4:]) == [
        "< OK #1 handle=7 size=1000",
        f"> 740 bytes {WITHOUT_BEGINNING}",
        *WHOLE[2:],
    ]
    assert lines(wire.frames[last:])[0] == f"< 140 bytes {WITHOUT_BEGINNING}"


def test_a_message_whose_end_never_came() -> None:
    wire = Wire().open().say(True, WRITE[:500])

    assert lines(wire.frames) == [f"> WRITE #1 handle=7 {CUT_SHORT}"]


def test_several_connections_are_kept_apart() -> None:
    one, other = session(), session(client_port=40_001)
    mixed = [frame for pair in zip(one.frames, other.frames, strict=True) for frame in pair]

    found = list(read_capture(pcap(mixed), SERVER_PORT))

    for port in (40_000, 40_001):
        ends = f"10.0.0.1:{port}"
        mine = [
            entry
            for entry in found
            if entry.route and ends in (entry.route.source, entry.route.destination)
        ]
        assert [Command(entry.answers).name for entry in mine if entry.answers] == ["WRITE", "READ"]


def test_a_port_that_is_used_again_is_a_new_connection() -> None:
    again = session(first=900_000)

    assert lines(session().frames + again.frames) == WHOLE + WHOLE


def test_a_connection_that_was_cut_off_ends_before_the_next() -> None:
    cut_off = Wire().open().say(True, WRITE[:500])

    assert lines(cut_off.frames + session(first=900_000).frames) == [
        f"> WRITE #1 handle=7 {CUT_SHORT}",
        *WHOLE,
    ]


def test_a_repeated_syn_is_no_new_connection() -> None:
    frames = session().frames
    frames.insert(8, frames[0])  # between the WRITE and its reply

    assert lines(frames) == WHOLE


def test_only_the_chosen_port() -> None:
    assert lines(session().frames, port=9998) == []


def test_the_time_is_counted_from_the_first_packet() -> None:
    first = next(iter(read_capture(pcap(session().frames), SERVER_PORT)))

    assert first.route is not None
    assert round(first.route.seconds, 6) == 0.006  # the fourth segment completes it


def ip_of(frame: bytes) -> bytes:
    return frame[14:]


LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "Ethernet": (1, lambda frame: frame),
    "Ethernet with a VLAN": (1, lambda frame: frame[:12] + b"\x81\x00\x00\x07" + frame[12:]),
    "loopback of BSD": (0, lambda frame: b"\x02\x00\x00\x00" + ip_of(frame)),
    "raw IP": (101, ip_of),
    "Linux cooked": (113, lambda frame: bytes(14) + b"\x08\x00" + ip_of(frame)),
    "Linux cooked 2": (276, lambda frame: b"\x08\x00" + bytes(18) + ip_of(frame)),
}


@pytest.mark.parametrize("link", LINKS)
def test_packets_of_every_link_type(link: str) -> None:
    number, wrapped = LINKS[link]
    data = pcap([wrapped(frame) for frame in session().frames], link=number)

    assert [line(entry) for entry in read_capture(data, SERVER_PORT)] == WHOLE


def test_ipv6() -> None:
    frames = []
    for frame in session().frames:
        tcp = dpkt.ethernet.Ethernet(frame).data.data
        ends = [bytes(15) + b"\x01", bytes(15) + b"\x02"]
        ip = dpkt.ip6.IP6(src=ends[0], dst=ends[0], nxt=6, hlim=64, data=tcp, plen=len(tcp))
        frames.append(bytes(dpkt.ethernet.Ethernet(type=0x86DD, data=ip)))

    found = list(read_capture(pcap(frames), SERVER_PORT))

    assert [entry.cut.data for entry in found] == [WRITE, WRITTEN, READ, BYTES]
    assert found[0].route is not None
    assert found[0].route.source == "[::1]:40000"


def test_pcapng() -> None:
    file = io.BytesIO()
    writer = dpkt.pcapng.Writer(file)
    for turn, frame in enumerate(session().frames):
        writer.writepkt(frame, ts=turn)

    assert [line(entry) for entry in read_capture(file.getvalue(), SERVER_PORT)] == WHOLE


def test_other_packets_are_passed_over() -> None:
    udp = dpkt.udp.UDP(sport=9999, dport=9999, data=WRITE)
    udp.ulen = len(udp)
    ip = dpkt.ip.IP(src=bytes(4), dst=bytes(4), p=17, data=udp)
    ip.len = len(ip)
    others = [
        bytes(dpkt.ethernet.Ethernet(type=0x0800, data=ip)),
        bytes(dpkt.ethernet.Ethernet(type=0x0806, data=bytes(28))),
        b"",
        b"\x00" * 14 + b"\x08\x00" + b"\x45",
    ]

    assert lines(others + session().frames + others) == WHOLE


def test_a_token_is_not_shown_where_its_beginning_is_missing() -> None:
    auth = encode(Message(Command.AUTH, payload=b"open sesame" * 100, request_id=1))
    frames = Wire(mss=300).open().say(True, auth).frames

    for missing in ([3], [4], [0, 1, 2, 3]):
        kept = [frame for turn, frame in enumerate(frames) if turn not in missing]
        for entry in read_capture(pcap(kept), SERVER_PORT):
            assert b"sesame" not in b"".join(field.data for field in entry.fields)


@pytest.mark.parametrize(
    "data", [b"", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a" + bytes(8), b"hello"]
)
def test_bytes_that_are_no_capture_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the capture can't be read after packet 0: "):
        list(read_capture(data, SERVER_PORT))


def test_a_capture_that_ends_inside_a_packets_header_gives_what_is_before_it() -> None:
    data = pcap(session().frames)
    reader = read_capture(data + bytes(5), SERVER_PORT)

    assert [line(next(reader)) for _ in WHOLE] == WHOLE
    with pytest.raises(ValueError, match="after packet"):
        list(reader)


@given(st.randoms(use_true_random=False))
def test_random_bytes_in_a_capture_raise_nothing_else(chance: random.Random) -> None:
    data = bytearray(pcap(session().frames))
    for _ in range(20):
        data[chance.randrange(24, len(data))] = chance.randrange(256)
    try:
        for entry in read_capture(bytes(data), SERVER_PORT):
            assert entry.cut.length
    except ValueError as error:
        assert "can't be read" in str(error)  # noqa: PT017 - it may as well raise nothing
