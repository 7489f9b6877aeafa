from __future__ import annotations

import re
from typing import cast

from ether_daemon import __version__
from ether_daemon.app.composition import Composition
from ether_daemon.app.statistics import FEATURES, NAME, Statistics
from ether_daemon.net.admission import Admission
from ether_daemon.net.buffer_budget import BufferBudget
from ether_daemon.net.deadlines import Deadlines
from ether_daemon.service.principal import ANONYMOUS
from ether_daemon.service.quota import Limits, Quota
from ether_daemon.settings import Settings
from ether_protocol import Command
from ether_protocol.wire.bodies import encode_stats
from ether_protocol.wire.constants import MAX_SIZE
from protocol import document

MIB = 1024 * 1024
SETTINGS = Settings(max_memory_bytes=MIB, max_handles=7)


def test_hello_says_what_there_is() -> None:
    hello = Composition(SETTINGS).statistics.hello()

    assert (hello.name, hello.version) == (NAME, __version__) == ("etherd", __version__)
    assert (hello.max_memory_bytes, hello.max_handles) == (MIB, 7)
    assert hello.max_payload_bytes == 16 * MIB
    assert hello.auth_needed is False
    assert hello.features == FEATURES


def test_the_features_are_those_of_the_document() -> None:
    (listed,) = re.findall(r"^A feature is (.*?)\.", document.section("Commands"), re.MULTILINE)

    assert tuple(re.findall("`(.*?)`", listed)) == FEATURES


def test_hello_names_this_set_of_blocks() -> None:
    one, other = Composition(SETTINGS).statistics, Composition(SETTINGS).statistics

    assert one.hello().instance == one.hello().instance
    assert one.hello().instance != other.hello().instance


def test_a_set_of_blocks_may_have_a_name_already() -> None:
    quota = Quota(Limits(MIB))
    nobody = cast(Admission, None)  # HELLO does not tell of clients
    no_buffers = cast(BufferBudget, None)
    no_deadlines = cast(Deadlines, None)
    for instance in (0, 7, (1 << 64) - 1):
        statistics = Statistics(SETTINGS, quota, nobody, no_buffers, no_deadlines, instance)
        assert statistics.hello().instance == instance
        composed = Composition(SETTINGS, instance=instance)
        assert composed.statistics.hello().instance == instance


def test_stats_count() -> None:
    parts = Composition(SETTINGS)
    principal = parts.principal(ANONYMOUS)
    principal.blocks.alloc(100)
    handle = principal.blocks.alloc(50)
    assert isinstance(handle, int)
    principal.blocks.free(handle)
    counters = principal.counters
    counters.clients += 1
    counters.clients_served += 2
    parts.admission.refused += 3
    parts.budget.closed += 4
    parts.deadlines.closed += 5
    counters.requests[Command.READ] += 4
    counters.bytes_in += 40
    counters.bytes_out += 41

    stats = parts.statistics.stats(principal)
    assert stats.pop("uptime_seconds") >= 0
    assert stats == {
        "clients": 1,
        "clients_served": 2,
        "clients_refused": 3,
        "clients_closed_for_buffers": 4,
        "clients_closed_for_time": 5,
        "blocks": 1,
        "used_bytes": 100,
        "peak_bytes": 150,
        "limit_bytes": MIB,
        "allocated_bytes": 150,
        "freed_bytes": 50,
        "received_bytes": 40,
        "sent_bytes": 41,
        "requests_read": 4,
    }


def test_a_count_past_64_bits_stays_at_the_most_there_is() -> None:
    parts = Composition(SETTINGS)
    principal = parts.principal(ANONYMOUS)
    principal.quota.allocated_bytes = MAX_SIZE + 5
    principal.counters.bytes_in = MAX_SIZE
    stats = parts.statistics.stats(principal)
    assert (stats["allocated_bytes"], stats["received_bytes"]) == (MAX_SIZE, MAX_SIZE)
    assert encode_stats(stats)


def test_a_principal_is_shown_its_own_and_the_lower_limit() -> None:
    parts = Composition(SETTINGS)
    little = parts.principal("little", Limits(MIB // 2))
    everybody = parts.principal(ANONYMOUS)
    everybody.blocks.alloc(100)
    everybody.counters.requests[Command.ALLOC] += 1
    everybody.counters.bytes_in += 40
    everybody.counters.clients += 1

    stats = parts.statistics.stats(little)
    assert stats.pop("uptime_seconds") >= 0
    assert stats.pop("limit_bytes") == MIB // 2
    assert not any(stats.values())
    assert not any(name.startswith("requests") for name in stats)
