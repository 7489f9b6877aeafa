from __future__ import annotations

import random
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import wire
from ether_protocol import (
    VERSION_2,
    AllocFlag,
    Command,
    ErrorCode,
    Message,
    NotFound,
    connect,
    dissect,
)
from ether_protocol.__main__ import main
from ether_protocol.inspect.dissect import MAX_BODY_FIELDS
from ether_protocol.tools.wireshark.generator import dissector
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import command_name
from harness import Etherd, until
from protocol.samples import REPLIES, REQUESTS, Sample
from protocol.tools.packets import Wire, write_pcap
from protocol.tools.recording_proxy import recording

COMMITTED = Path(__file__).parents[4] / "packages/protocol/wireshark/ether.lua"

needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed: nothing can run the dissector"
)

Layers = list[dict[str, list[str]]]


def tshark(home: Path, *arguments: str) -> str:
    """What tshark prints with the dissector loaded and no settings of this machine's."""
    run = subprocess.run(
        ["tshark", "-n", "-X", f"lua_script:{COMMITTED}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert run.returncode == 0, run.stderr
    assert "Lua Error" not in run.stdout + run.stderr
    return run.stdout


def fields(home: Path, capture: Path, *names: str, options: tuple[str, ...] = ()) -> list[str]:
    """The named fields of each packet that has a message, set apart by a bar."""
    wanted = [word for name in names for word in ("-e", name)]
    out = tshark(
        home, "-r", str(capture), *options, "-Y", "ether", "-T", "fields", "-E", "separator=|",
        *wanted,
    )  # fmt: skip
    return out.splitlines()


def name(number: str) -> str:
    """The command that tshark wrote as `number`."""
    return Command(int(number, 16)).name if number else ""


def test_the_committed_file_is_what_the_tool_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wireshark"]) == 0

    printed = capsys.readouterr().out
    assert printed == dissector()
    assert COMMITTED.read_text(encoding="utf-8") == printed, (
        "run: python -m ether_protocol wireshark > packages/protocol/wireshark/ether.lua"
    )


def test_the_template_has_no_number_of_the_protocol() -> None:
    body = dissector().partition('local ether = Proto("ether"')[2]

    words = {*Command.__members__, *ErrorCode.__members__, *AllocFlag.__members__}
    assert set(re.findall(r"[A-Z_]+", body)) & words == {"OK", "ERROR"}
    assert not re.findall(r"0x[0-9A-F]", body)


@dataclass(frozen=True)
class Shown:
    """One message in tshark's output: (name, bytes) of each field, and what it says beside them."""

    fields: list[tuple[str, bytes]]
    beside: dict[str, str]


def messages(home: Path, capture: Path, *options: str) -> list[Shown]:
    """Every message of `capture`, from tshark's XML."""
    shown = []
    document = ElementTree.fromstring(tshark(home, "-r", str(capture), *options, "-T", "pdml"))
    for message in document.iterfind(".//proto[@name='ether']"):
        found, beside = [], {}
        for field in message.iter("field"):
            title = field.get("name", "")
            if title in BESIDE or not title.startswith("ether."):
                beside[title] = field.get("show", "")
            else:
                found.append((title, bytes.fromhex(field.get("value", ""))))
        shown.append(Shown(found, beside))
    return shown


BESIDE = {"ether.response_to", "ether.response_in", "ether.answers", "ether.time"}
BESIDE |= {"ether.refused", "ether.malformed", "ether.flags.session", "ether.filler"}


def expected(sample: Sample) -> list[tuple[str, bytes]]:
    """The same from `dissect`, whose names carry an index and no command."""
    message, answers = sample.message, sample.to.command
    body = command_name(answers if message.command == Command.OK else message.command).lower()
    found = []
    for field in dissect(message, answers):
        name = re.sub(r"\[\d+\]", "", field.name)
        in_body = field.offset >= sample.header_bytes and name != "payload"
        if (name, message.command) == ("reserved", Command.ERROR):
            name = "error.code"
        if message.command != Command.AUTH or field.name != "payload":
            found.append((f"ether.{body}.{name}" if in_body else f"ether.{name}", field.data))
    return found


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A capture of each reply behind its request, then of each request, in segments of any size."""

    def written(segment_bytes: int) -> Path:
        asked = Wire(mss=segment_bytes).open()
        for sample in REPLIES:
            asked.say(True, encode(replace(sample.to, request_id=1 if v2(sample) else 0)))
            asked.say(False, sample.wire)
        unanswered = Wire(mss=segment_bytes, client_port=40_001).open()
        unanswered.say(True, b"".join(sample.wire for sample in REQUESTS))
        path = tmp_path_factory.mktemp("capture") / "everything.pcap"
        return write_pcap(path, asked.frames + unanswered.frames)

    return written


def v2(sample: Sample) -> bool:
    return sample.message.version == VERSION_2


@needs_tshark
@pytest.mark.parametrize("options", [(), ("-2",)], ids=["one pass", "two passes"])
@pytest.mark.parametrize("segment_bytes", [1448, 61, 7])
def test_every_message_has_the_fields_that_dissect_finds(
    everything: Callable[[int], Path], home: Path, segment_bytes: int, options: tuple[str, ...]
) -> None:
    shown = messages(home, everything(segment_bytes), *options)

    replies, requests = shown[1 : 2 * len(REPLIES) : 2], shown[2 * len(REPLIES) :]
    for sample, message in zip(REPLIES + REQUESTS, replies + requests, strict=True):
        assert message.fields == expected(sample), sample.what
        assert "ether.malformed" not in message.beside, sample.what
    for sample, message in zip(REPLIES, replies, strict=True):
        assert name(message.beside["ether.answers"]) == command_name(sample.to.command)


@needs_tshark
def test_a_real_session_message_by_message(etherd: Etherd, home: Path, tmp_path: Path) -> None:
    with recording(etherd) as recorded, connect(recorded.address) as client:
        client.ping(b"hi")
        block = client.alloc(100_000, session=True)
        block.write(b"x" * 50_000, offset=7)
        block.read(10)
        client.fetch_add(block.handle, 8, -5)
        client.info(block.handle)
        client.list()
        with pytest.raises(NotFound):
            client.free(99)
        client.hello()
    capture = write_pcap(tmp_path / "session.pcap", Wire().open().play(recorded.chunks).frames)

    said = [line.split("|") for line in fields(home, capture, "ether.command", "ether.answers")]
    assert [(name(command), name(answers)) for command, answers in said][-18:] == [
        ("PING", ""),
        ("PONG", "PING"),
        ("ALLOC", ""),
        ("OK", "ALLOC"),
        ("WRITE", ""),
        ("OK", "WRITE"),
        ("READ", ""),
        ("OK", "READ"),
        ("FETCH_ADD", ""),
        ("OK", "FETCH_ADD"),
        ("INFO", ""),
        ("OK", "INFO"),
        ("LIST", ""),
        ("OK", "LIST"),
        ("FREE", ""),
        ("ERROR", "FREE"),
        ("HELLO", ""),
        ("OK", "HELLO"),
    ]


@needs_tshark
def test_a_reply_names_its_requests_packet_and_the_time_between(home: Path, tmp_path: Path) -> None:
    asked, answered = REQUESTS[6].wire, REPLIES[4].wire
    capture = write_pcap(
        tmp_path / "ping.pcap", Wire().open().say(True, asked).say(False, answered).frames
    )

    request, reply = messages(home, capture, "-2")

    assert request.beside == {"ether.response_in": "6"}
    assert reply.beside == {
        "ether.response_to": "4",
        "ether.answers": "0x01",
        "ether.time": "0.002000000",
    }


@needs_tshark
def test_errors_are_marked_in_both_versions(home: Path, tmp_path: Path) -> None:
    errors = b"".join(sample.wire for sample in REPLIES if sample.message.command == Command.ERROR)
    capture = write_pcap(tmp_path / "errors.pcap", Wire().open().say(False, errors).frames)

    assert fields(home, capture, "ether.error.code", "_ws.expert.severity") == [
        "7,7|6291456,6291456"
    ]


@needs_tshark
def test_the_original_clients_filler_is_skipped(etherd: Etherd, home: Path, tmp_path: Path) -> None:
    with recording(etherd) as recorded, socket.create_connection(recorded.peer) as sock:
        # Once it is known, it may begin as a message does.
        for command, handle, first in (
            (wire.ALLOC, 0, b"\0"),
            (wire.READ, 1, b"\xe7"),
            (wire.ALLOC, 0, b"\xe7"),
        ):
            sock.sendall(wire.v1(command, handle, 300) + first + bytes(299))
            assert wire.receive_v1(sock).command == wire.OK
        assert wire.ask_v1(sock, wire.FREE, 1).command == wire.OK
    capture = write_pcap(tmp_path / "c.pcap", Wire(mss=100).open().play(recorded.chunks).frames)

    shown = messages(home, capture, "-2")

    skipped = [int(message.beside.get("ether.filler", 0)) for message in shown]
    assert sum(skipped) == 900
    assert [
        name(message.beside["ether.answers"]) for message in shown if "ether.time" in message.beside
    ] == [
        "ALLOC",
        "READ",
        "ALLOC",
        "FREE",
    ]
    assert not [message for message in shown if "ether.malformed" in message.beside]


@needs_tshark
def test_a_packet_dissected_again_gives_the_same(home: Path, tmp_path: Path) -> None:
    alloc, ping = wire.v1(wire.ALLOC, 0, 300), wire.v1(wire.PING)
    # Only the second ALLOC has filler; what that changes must not change the first one.
    stream = alloc + ping + alloc + bytes(300) + ping
    capture = write_pcap(tmp_path / "late.pcap", Wire(mss=90).open().say(True, stream).frames)

    shown = [messages(home, capture, *passes) for passes in ((), ("-2",))]

    assert shown[0] == shown[1]
    assert [len(message.fields) for message in shown[0] if message.fields] == [7] * 4


@needs_tshark
def test_a_reply_of_one_version_answers_no_request_of_the_other(home: Path, tmp_path: Path) -> None:
    asked = wire.v1(wire.ALLOC, 0, 8) + wire.v2(wire.PING)
    exchange = Wire().open().say(True, asked).say(False, wire.v2(wire.PONG))

    *_, pong = messages(home, write_pcap(tmp_path / "both.pcap", exchange.frames))

    assert name(pong.beside["ether.answers"]) == "PING"


@needs_tshark
def test_a_body_of_very_many_fields_is_given_up_in_time(home: Path, tmp_path: Path) -> None:
    ok = encode(Message(Command.OK, payload=bytes(16) * MAX_BODY_FIELDS))
    exchange = Wire(mss=60_000).open().say(True, wire.v2(wire.LIST)).say(False, ok)

    _, reply = messages(home, write_pcap(tmp_path / "many.pcap", exchange.frames))

    assert len(reply.fields) < 1.5 * MAX_BODY_FIELDS
    assert reply.fields[-1][0] == "ether.undecoded"


@needs_tshark
def test_garbage_is_marked_and_what_follows_is_found(home: Path, tmp_path: Path) -> None:
    ping = REQUESTS[6].wire
    for junk in (b"GET / HTTP/1.1", b"\xe7\xe7\x00", b"\xe7\xe7\xe7\xe7\x03" + bytes(19)):
        capture = write_pcap(
            tmp_path / "junk.pcap", Wire(mss=5).open().say(True, junk + ping + ping).frames
        )

        shown = messages(home, capture, "-2")

        undecoded = b"".join(
            data
            for message in shown
            for title, data in message.fields
            if title == "ether.undecoded"
        )
        assert undecoded == junk
        assert [message.fields for message in shown[-2:]] == [expected(REQUESTS[6])] * 2


@needs_tshark
def test_a_token_is_in_no_field_and_no_text(home: Path, tmp_path: Path) -> None:
    auth = encode(Message(Command.AUTH, payload=b"open sesame", request_id=1))
    capture = write_pcap(tmp_path / "auth.pcap", Wire(mss=45).open().say(True, auth).frames)

    text = tshark(home, "-r", str(capture), "-O", "ether", "-Y", "ether")
    (message,) = messages(home, capture)

    assert "payload: not shown" in text
    assert "sesame" not in text
    assert b"sesame" not in b"".join(data for _, data in message.fields)


@needs_tshark
def test_truncated_packets(home: Path, tmp_path: Path) -> None:
    write = encode(Message(Command.WRITE, 7, payload=bytes(1000), request_id=1))
    frames = Wire().open().say(True, write).say(True, write).frames
    capture = write_pcap(tmp_path / "short.pcap", frames, snap=200)

    shown = messages(home, capture)

    assert len(shown) == 2
    for message in shown:
        assert ("ether.handle", bytes(7) + b"\x07") in message.fields
        assert "ether.malformed" in message.beside


@needs_tshark
def test_no_bytes_make_the_dissector_fail(home: Path, tmp_path: Path) -> None:
    chance = random.Random(9999)
    wires = [sample.wire for sample in REQUESTS + REPLIES]
    frames = []
    for turn in range(60):
        conversation = Wire(mss=chance.choice([9, 50, 1448]), client_port=41_000 + turn).open()
        for _ in range(20):
            data = bytearray(chance.choice(wires))
            for _ in range(chance.choice([0, 1, 3])):
                data[chance.randrange(len(data))] = chance.choice(
                    [0, 1, 2, 255, chance.randrange(256)]
                )
            conversation.say(chance.random() < 0.5, bytes(data[: chance.choice([None, 45, 30])]))
        frames += conversation.frames
    capture = write_pcap(tmp_path / "fuzz.pcap", frames)

    for passes in ((), ("-2",)):
        # Which fails where tshark speaks of a Lua error.
        assert len(fields(home, capture, "ether.undecoded", options=passes)) > 100


@needs_tshark
def test_a_live_capture(etherd: Etherd, home: Path, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    with capturing(etherd.port, capture), connect(etherd.address) as client:
        block = client.alloc(64)
        block.write(b"seen on the wire")
        assert block.read(16) == b"seen on the wire"
        block.free()
        until(lambda: has_free(capture), "the capture has the last reply")

    decode_as = ("-d", f"tcp.port=={etherd.port},ether")
    shown = fields(home, capture, "ether.command", "ether.answers", options=decode_as)
    assert [tuple(map(name, line.split("|"))) for line in shown[-8:]] == [
        ("ALLOC", ""),
        ("OK", "ALLOC"),
        ("WRITE", ""),
        ("OK", "WRITE"),
        ("READ", ""),
        ("OK", "READ"),
        ("FREE", ""),
        ("OK", "FREE"),
    ]


@contextmanager
def capturing(port: int, path: Path) -> Iterator[None]:
    """Capture what goes through `port` on loopback, from before this yields."""
    dumpcap = shutil.which("dumpcap")
    if dumpcap is None:
        pytest.skip("dumpcap is not installed: nothing can capture")
    process = subprocess.Popen(
        [dumpcap, "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", str(path)],
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: process.poll() is not None or begun(port, path), "dumpcap captures")
        if process.poll() is not None:
            assert process.stderr is not None
            pytest.skip(f"this user can't capture: {process.stderr.read().decode().strip()}")
        yield
    finally:
        process.terminate()
        process.communicate()


def begun(port: int, path: Path) -> bool:
    """Whether a packet sent now or earlier has come into the file."""
    with connect(f"127.0.0.1:{port}") as client:
        client.ping()
    return path.exists() and b"\xe7\xe7\xe7\xe7" in path.read_bytes()


def has_free(path: Path) -> bool:
    """Whether both a FREE and the reply to it are in the file."""
    free = path.read_bytes().rpartition(b"\xe7\xe7\xe7\xe7\x02\x11")
    return bool(free[1]) and b"\xe7\xe7\xe7\xe7\x02\xf0" in free[2]
