from __future__ import annotations

from ether_daemon.app import banner
from ether_daemon.service.quota import Limits, Quota


def test_the_banner_is_that_of_the_original_server() -> None:
    assert (
        banner.listening(["0.0.0.0:9999"], 4096)
        == """\
===========================================
  Ether Daemon v0.1.0
  Distributed Resource Allocation System
===========================================
Listening on 0.0.0.0:9999
Max handles: 4096
Press Ctrl+C to stop"""
    )


def test_the_banner_names_every_address_and_knows_no_limit() -> None:
    lines = banner.listening(["127.0.0.1:1", "[::1]:2"], 0).splitlines()
    assert lines[4:7] == [
        "Listening on 127.0.0.1:1",
        "Listening on [::1]:2",
        "Max handles: unlimited",
    ]


def test_the_end_is_that_of_the_original_server() -> None:
    # The numbers of the original server's own example.
    quota = Quota(Limits(1 << 20))
    quota.allocated_bytes = quota.freed_bytes = 10240
    quota.peak_bytes = 4096
    quota.allocations = quota.frees = 10

    said = [banner.SHUTTING_DOWN, banner.final_statistics(quota), banner.GOODBYE]
    assert (
        "\n".join(said)
        == """
[etherd] Received signal, shutting down...

[etherd] Final statistics:
=== Ether Allocator State ===
Total allocated: 10240 bytes
Total freed:     10240 bytes
Current usage:   0 bytes
Peak usage:      4096 bytes
Allocations:     10
Frees:           10
=============================

[etherd] Goodbye!"""
    )
