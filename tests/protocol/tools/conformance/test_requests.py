from __future__ import annotations

import pytest

from ether_protocol import AllocFlag, Command, Message
from ether_protocol.tools.conformance import requests
from ether_protocol.wire.codec import encode
from protocol.samples import REQUESTS, Sample, each

MADE = {
    "v1 PING": requests.ping(version=1),
    "v1 ALLOC 1024": requests.alloc(1024, version=1),
    "v1 FREE": requests.free(7, version=1),
    "v1 WRITE": requests.write(7, 0, b"hello", version=1),
    "v1 READ": requests.read(7, 0, 5, version=1),
    "v2 PING": requests.ping(),
}


@pytest.mark.parametrize("what", MADE)
def test_a_request_has_the_bytes_of_the_specification(what: str) -> None:
    (sample,) = (sample for sample in REQUESTS if sample.what == what)
    request = MADE[what]
    request.request_id = sample.message.request_id

    assert encode(request).hex(" ") == sample.wire.hex(" ")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (requests.hello(b"me"), Message(Command.HELLO, payload=b"me")),
        (requests.stats(), Message(Command.STATS)),
        (requests.alloc(8, AllocFlag.SESSION), Message(Command.ALLOC, size=8, flags=1)),
        (requests.realloc(7, 9), Message(Command.REALLOC, 7, 9)),
        (requests.info(7), Message(Command.INFO, 7)),
        (requests.list_blocks(7, 2), Message(Command.LIST, 7, 2)),
        (requests.write(7, 3, b"x"), Message(Command.WRITE, 7, 0, 3, b"x")),
        (requests.read(7, 3, 2), Message(Command.READ, 7, 2, 3)),
        (requests.fill(7, 3, 2, 0xAA), Message(Command.FILL, 7, 2, 3, b"\xaa")),
        (
            requests.copy(7, 3, 2, 8, 9),
            Message(Command.COPY, 7, 2, 3, bytes(7) + b"\x08" + bytes(7) + b"\x09"),
        ),
        (
            requests.compare_swap(7, 3, b"expected", b"desired!"),
            Message(Command.COMPARE_SWAP, 7, 0, 3, b"expecteddesired!"),
        ),
        (requests.fetch_add(7, 3, -1), Message(Command.FETCH_ADD, 7, 0, 3, b"\xff" * 8)),
    ],
    ids=lambda value: str(value),
)
def test_a_request_is_the_message_with_its_fields(request_: Message, message: Message) -> None:
    assert request_ == message


@each([sample for sample in REQUESTS if not sample.message.payload])
def test_a_header_of_any_values_is_the_encoders_for_good_ones(sample: Sample) -> None:
    message = sample.message
    if message.version == 1:
        header = requests.header_v1(message.command, message.handle, message.size)
    else:
        header = requests.header_v2(
            message.command,
            message.handle,
            message.size,
            message.offset,
            flags=message.flags,
            request_id=message.request_id,
        )
    assert header == sample.wire


def test_a_header_takes_values_that_no_server_should() -> None:
    assert requests.header_v1(0x77, 7, 2**32 - 1, version=9, flags=0xFFFF)[4] == 9
    assert requests.header_v2(0x77, length=2**32 - 1)[36:] == b"\xff" * 4


def test_features_of_a_request() -> None:
    assert requests.features_of(requests.read(1, 0, 1)) == []
    assert requests.features_of(requests.fill(1, 0, 1, 0)) == ["fill"]
    assert requests.features_of(requests.alloc(8)) == []
    assert requests.features_of(requests.alloc(8, AllocFlag.SESSION)) == ["session-blocks"]
