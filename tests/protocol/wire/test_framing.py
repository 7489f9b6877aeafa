from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import pytest

from ether_protocol import Command, ErrorCode, Message, Refused, ServerConnection
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.codec import decode_header
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, PAYLOAD_LIMITS
from ether_protocol.wire.framing import Filler, RequestFramer, RequestHead
from protocol import document
from protocol.transcript import PING_V1, PING_V2, bytewise, lines, taken, v1, v2

MORE = MAX_PAYLOAD_BYTES + 1


@dataclass(frozen=True)
class Bad:
    """Bad input: its row in docs/protocol.md, and what the answer must be."""

    row: str
    what: str
    wire: bytes
    code: ErrorCode
    version: int
    request_id: int = 0
    handle: int = 0


UNKNOWN_COMMAND = "a command that is no request of its version"
WRONG_VERSION = "the magic with a version other than 1 or 2"
UNKNOWN_FLAG = "an unknown flag in version 2"
LONG_PAYLOAD = "a payload longer than its command takes, up to 16 MiB"
LARGE_V1 = "version 1 ALLOC or READ of more than 16 MiB"

LIVES = [
    Bad(
        UNKNOWN_COMMAND,
        "v2 command 66, its payload looking like a message",
        v2(0x66, payload=PING_V2, handle=3, request_id=9),
        ErrorCode.UNSUPPORTED,
        2,
        9,
        3,
    ),
    Bad(UNKNOWN_COMMAND, "v2 OK", v2(Command.OK, request_id=9), ErrorCode.UNSUPPORTED, 2, 9),
    Bad(UNKNOWN_COMMAND, "v2 reserved", v2(0x30, request_id=9), ErrorCode.UNSUPPORTED, 2, 9),
    Bad(UNKNOWN_COMMAND, "v1 command 66", v1(0x66, 3), ErrorCode.UNSUPPORTED, 1, 0, 3),
    Bad(UNKNOWN_COMMAND, "v1 command 66, size", v1(0x66, 3, 512), ErrorCode.UNSUPPORTED, 1, 0, 3),
    Bad(UNKNOWN_COMMAND, "v1 HELLO", v1(Command.HELLO), ErrorCode.UNSUPPORTED, 1),
    Bad(UNKNOWN_COMMAND, "v1 OK", v1(Command.OK, size=64), ErrorCode.UNSUPPORTED, 1),
    *(
        Bad(
            WRONG_VERSION,
            f"version {version} before any other",
            b"\xe7\xe7\xe7\xe7" + bytes([version]) + bytes(range(19)),
            ErrorCode.UNSUPPORTED,
            1,
        )
        for version in (0, 3, 0xE7)
    ),
    Bad(
        UNKNOWN_FLAG,
        "ALLOC flag 2",
        v2(Command.ALLOC, size=8, flags=2, request_id=9),
        ErrorCode.UNSUPPORTED,
        2,
        9,
    ),
    Bad(
        UNKNOWN_FLAG,
        "PING with the flag of ALLOC and a payload",
        v2(Command.PING, flags=1, payload=PING_V2, request_id=9),
        ErrorCode.UNSUPPORTED,
        2,
        9,
    ),
    *(
        Bad(
            LONG_PAYLOAD,
            f"{command.name} of {most + 1}",
            v2(command, payload=b"\xe7" * (most + 1), request_id=9),
            ErrorCode.TOO_LARGE,
            2,
            9,
        )
        for command, most in PAYLOAD_LIMITS.items()
        if most < MAX_PAYLOAD_BYTES
    ),
    Bad(LARGE_V1, "ALLOC", v1(Command.ALLOC, 0, MORE), ErrorCode.TOO_LARGE, 1),
    Bad(LARGE_V1, "READ", v1(Command.READ, 5, 2**32 - 1), ErrorCode.TOO_LARGE, 1, 0, 5),
]

NO_MAGIC = "no magic where a header is due"
LONG_LENGTH = "version 2 length above 16 MiB"
LONG_WRITE = "version 1 WRITE of more than 16 MiB"


def _announcing(command: int, length: int) -> bytes:
    return v2(command, request_id=9)[:-4] + length.to_bytes(4, "big")


CLOSES = [
    Bad(NO_MAGIC, "HTTP", b"GET / HTTP/1.1\r\nHost: ether\r\n\r\n", ErrorCode.CORRUPT, 1),
    Bad(NO_MAGIC, "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ErrorCode.CORRUPT, 1),
    Bad(NO_MAGIC, "one byte", b"\0", ErrorCode.CORRUPT, 1),
    Bad(NO_MAGIC, "three bytes of magic", b"\xe7\xe7\xe7\0", ErrorCode.CORRUPT, 1),
    Bad(LONG_LENGTH, "WRITE", _announcing(Command.WRITE, MORE), ErrorCode.TOO_LARGE, 2, 9),
    Bad(LONG_LENGTH, "PING", _announcing(Command.PING, 2**32 - 1), ErrorCode.TOO_LARGE, 2, 9),
    Bad(LONG_LENGTH, "command 66", _announcing(0x66, MORE), ErrorCode.TOO_LARGE, 2, 9),
    Bad(LONG_WRITE, "by one", v1(Command.WRITE, 5, MORE), ErrorCode.TOO_LARGE, 1, 0, 5),
    Bad(LONG_WRITE, "by all", v1(Command.WRITE, 5, 2**32 - 1), ErrorCode.TOO_LARGE, 1, 0, 5),
]

BY_THE_HANDLERS = {
    "a body shorter than declared, a name that is no UTF-8",
    "version 2 READ, FILL or COPY of more than 16 MiB",
}
"""Rows that need no look at where a message ends: the server's handlers answer them."""

lives = pytest.mark.parametrize("bad", LIVES, ids=lambda bad: f"{bad.row}: {bad.what}")
closes = pytest.mark.parametrize("bad", CLOSES, ids=lambda bad: f"{bad.row}: {bad.what}")


def test_every_row_of_the_document_is_tested() -> None:
    here = {bad.row for bad in LIVES + CLOSES} | BY_THE_HANDLERS

    assert here == {row[0] for row in document.rows("Bad input")}


@pytest.mark.parametrize("bad", LIVES + CLOSES, ids=lambda bad: f"{bad.row}: {bad.what}")
def test_bad_input_gets_one_error_in_its_own_version(bad: Bad) -> None:
    connection = ServerConnection()

    (refused,) = connection.receive_data(bad.wire)

    assert isinstance(refused, Refused)
    wire = connection.refuse(refused)
    reply, length = decode_header(wire, 0, bad.version)
    assert wire[4] == bad.version
    assert (reply.command, reply.handle) == (Command.ERROR, bad.handle)
    assert reply.request_id == bad.request_id
    assert decode_error(reply.with_payload(wire[len(wire) - length :])).code == bad.code


@lives
def test_the_connection_stays_open_after_bad_input_in_whole_messages(bad: Bad) -> None:
    refused = f"refused {bad.code.name}"

    assert taken(bad.wire + PING_V2 + PING_V1) == [refused, "PING #0", "PING v1"]
    assert taken(bytewise(bad.wire + PING_V2 + PING_V1)) == [refused, "PING #0", "PING v1"]


@closes
def test_nothing_is_received_after_a_fatal_refusal(bad: Bad) -> None:
    refused = f"refused {bad.code.name}, fatal"

    assert taken(bad.wire + PING_V2 + PING_V1) == [refused]
    assert taken(bytewise(bad.wire + PING_V2 + PING_V1)) == [refused]
    assert taken(bad.wire, PING_V2, bytes(200_000), PING_V1) == [refused]


def test_an_error_about_bytes_without_a_version_comes_in_the_version_last_seen() -> None:
    wrong_version = b"\xe7\xe7\xe7\xe7\x09" + bytes(19)
    for earlier, version in ((PING_V1, 1), (PING_V2, 2), (PING_V2 + PING_V1, 1)):
        for bad in (wrong_version, b"GET /"):
            connection = ServerConnection()
            refused = connection.receive_data(earlier + bad)[-1]

            assert isinstance(refused, Refused)
            assert connection.refuse(refused)[4] == version


def test_what_the_handlers_refuse_passes_the_framer() -> None:
    assert taken(
        v2(Command.READ, size=MORE)
        + v2(Command.FILL, size=MORE)
        + v2(Command.HELLO, payload=b"\xff")
    ) == [f"READ #0 size={MORE}", f"FILL #0 size={MORE}", "HELLO #0 [1 bytes]"]


def test_values_at_a_limit_are_valid() -> None:
    assert taken(v1(Command.READ, 1, MAX_PAYLOAD_BYTES)) == [
        f"READ v1 handle=1 size={MAX_PAYLOAD_BYTES}"
    ]
    assert taken(v2(Command.PING, payload=bytes(4096))) == ["PING #0 [4096 bytes]"]
    assert taken(_announcing(Command.WRITE, MAX_PAYLOAD_BYTES)) == []


def test_flags_and_reserved_of_version_1_are_ignored() -> None:
    alloc = bytearray(v1(Command.ALLOC, size=64))
    alloc[6:8] = b"\xff\xff"
    alloc[20:24] = b"\xff\xff\xff\xff"

    (request,) = ServerConnection().receive_data(alloc)

    assert request == Message(Command.ALLOC, size=64, version=1)


def test_a_version_2_payload_that_no_command_takes_is_skipped() -> None:
    stats = v2(Command.STATS, payload=PING_V1 * 3)
    free = v2(Command.FREE, handle=4, payload=bytes(100_000))

    assert taken(stats + free + PING_V2) == ["STATS #0", "FREE #0 handle=4", "PING #0"]


# The original C client's habit: `size` bytes of filler behind each ALLOC and READ.

ALLOC = v1(Command.ALLOC, size=256)
WRITE = v1(Command.WRITE, 1, 5, b"hello")
READ = v1(Command.READ, 1, 256)
FREE = v1(Command.FREE, 1)
FILLER = bytes(range(256))

WITH_FILLER = ALLOC + FILLER + WRITE + READ + FILLER + FREE
WITHOUT = ALLOC + WRITE + READ + FREE
CONVERSATION = [
    "ALLOC v1 size=256",
    "WRITE v1 handle=1 size=5 [5 bytes]",
    "READ v1 handle=1 size=256",
    "FREE v1 handle=1",
]

habits = pytest.mark.parametrize("wire", [WITH_FILLER, WITHOUT], ids=["filler", "no filler"])


@habits
def test_a_client_with_and_one_without_filler_are_served(wire: bytes) -> None:
    assert taken(wire) == CONVERSATION


@habits
def test_byte_by_byte(wire: bytes) -> None:
    assert taken(bytewise(wire)) == CONVERSATION


@habits
def test_pipelined_a_thousand_times(wire: bytes) -> None:
    assert taken(wire * 1000) == CONVERSATION * 1000


@habits
def test_cut_anywhere(wire: bytes) -> None:
    for at in range(len(wire)):
        assert taken(wire[:at], wire[at:]) == CONVERSATION


def test_both_habits_at_once_on_two_connections() -> None:
    first, second = ServerConnection(), ServerConnection()
    heard: tuple[list[str], list[str]] = ([], [])
    for one, other in zip_longest(bytewise(WITH_FILLER), bytewise(WITHOUT), fillvalue=b""):
        heard[0].extend(lines(first.receive_data(one)))
        heard[1].extend(lines(second.receive_data(other)))

    assert heard == (CONVERSATION, CONVERSATION)


def test_the_header_is_answered_before_its_filler_comes() -> None:
    connection = ServerConnection()
    assert lines(connection.receive_data(ALLOC)) == ["ALLOC v1 size=256"]
    assert lines(connection.receive_data(FILLER)) == []
    assert lines(connection.receive_data(READ)) == ["READ v1 handle=1 size=256"]
    assert lines(connection.receive_data(FILLER[:1])) == []
    assert lines(connection.receive_data(FILLER[1:] + FREE)) == ["FREE v1 handle=1"]


def test_once_it_is_known_filler_may_begin_like_a_message() -> None:
    assert taken(ALLOC + FILLER + READ + b"\xe7" * 256 + FREE) == [
        "ALLOC v1 size=256",
        "READ v1 handle=1 size=256",
        "FREE v1 handle=1",
    ]


def test_a_refused_read_has_filler_too() -> None:
    large = v1(Command.READ, 1, MORE)
    refused = ["refused TOO_LARGE"]

    assert taken(large + bytes(MORE) + PING_V1) == [*refused, "PING v1"]
    assert taken(ALLOC + FILLER + large + bytes(MORE) + PING_V1) == [
        "ALLOC v1 size=256",
        *refused,
        "PING v1",
    ]


def test_filler_is_dropped_without_being_stored() -> None:
    connection = ServerConnection()
    connection.receive_data(v1(Command.ALLOC, size=MAX_PAYLOAD_BYTES))

    for _ in range(256):
        assert connection.receive_data(bytes(65536)) == []
        assert len(connection.get_buffer()) <= 65536

    assert lines(connection.receive_data(PING_V1)) == ["PING v1"]


@pytest.mark.parametrize(
    "before",
    [
        b"",
        PING_V1,
        WRITE,
        FREE,
        v1(Command.ALLOC, size=0),
        v2(Command.ALLOC, size=256),
        v2(Command.READ, handle=1, size=256),
        ALLOC + PING_V1,
        ALLOC + PING_V2,
        ALLOC + b"\xe7\xe7\xe7\xe7\x03" + bytes(19),
        ALLOC + FILLER,
        ALLOC + FILLER + WRITE,
    ],
    ids=[
        "at the start",
        "after PING",
        "after WRITE",
        "after FREE",
        "after ALLOC of nothing",
        "after v2 ALLOC",
        "after v2 READ",
        "a message later",
        "a v2 message later",
        "an unknown version later",
        "a byte too many",
        "after WRITE on a filler connection",
    ],
)
def test_no_filler_may_follow(before: bytes) -> None:
    assert taken(before + b"\0")[-1] == "refused CORRUPT, fatal"
    assert taken(bytewise(before + b"\0"))[-1] == "refused CORRUPT, fatal"


def test_filler_never_begins_with_the_first_byte_of_the_magic() -> None:
    filler = b"\xe7" + FILLER[1:]

    assert taken(ALLOC + filler + PING_V1) == ["ALLOC v1 size=256", "refused CORRUPT, fatal"]


# RequestFramer itself, as a server with its own buffer uses it.


def test_the_framer_asks_for_more_until_a_header_is_whole() -> None:
    for whole in (PING_V1, PING_V2):
        framer = RequestFramer()
        assert [framer.parse_head(whole, 0, end) for end in range(len(whole))] == [None] * len(
            whole
        )

        head = framer.parse_head(whole, 0, len(whole))

        assert isinstance(head, RequestHead)
        assert (head.used, head.length) == (len(whole), 0)


def test_the_framer_looks_only_where_it_is_told() -> None:
    data = b"GET /" + WRITE + b"\0\0\0"

    head = RequestFramer().parse_head(data, 5, 5 + 24)

    assert isinstance(head, RequestHead)
    assert (str(head.message), head.used, head.length) == ("WRITE v1 handle=1 size=5", 24, 5)
    assert head.refusal is None


def test_the_framer_forgets_filler_after_a_message_handled_elsewhere() -> None:
    framer = RequestFramer()
    framer.parse_head(ALLOC, 0, len(ALLOC))
    assert framer.parse_head(FILLER, 0, 256) == Filler(256)

    framer = RequestFramer()
    framer.parse_head(ALLOC, 0, len(ALLOC))
    framer.expect_filler(0)
    head = framer.parse_head(FILLER, 0, 256)
    assert isinstance(head, RequestHead)
    assert head.refusal is not None
    assert head.refusal.fatal
