"""A process that forks with a client in hand, as `multiprocessing` does."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from harness import Etherd
from protocol.client.either import Either

PROGRAM = """
import os, sys
from ether_protocol import connect

with connect(sys.argv[1]) as client:
    block = client.alloc(8, session=True)
    block.write(b"parents!")
    child = os.fork()
    if not child:
        print("child", block.read(), client.stats()["clients"], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("parent", block.read(), flush=True)
"""


def test_a_forked_child_has_a_connection_of_its_own(shared_etherd: Etherd) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, shared_etherd.address],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["child b'parents!' 2", "parent b'parents!'"]


IN_FLIGHT = """
import os, sys, threading
from ether_protocol import connect

def hook(entry):
    if threading.current_thread() is not threading.main_thread() and entry.sent:
        begun.set()
        may_go_on.wait()

def fork_in_flight(generation):
    global begun, may_go_on
    begun, may_go_on = threading.Event(), threading.Event()
    other = threading.Thread(target=client.ping)
    other.start()
    begun.wait()
    child = os.fork()
    if not child:
        try:
            print("child", generation, client.ping(b"mine"), block.read(), flush=True)
            if generation == 1:
                fork_in_flight(2)
        except Exception as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    may_go_on.set()
    other.join()

with connect(sys.argv[1], trace=hook) as client:
    block = client.alloc(8, session=True)
    block.write(b"parents!")
    fork_in_flight(1)
    print("parent", client.ping(b"mine"), block.read(), flush=True)
"""


def test_a_child_forked_during_a_request_of_another_thread_can_use_the_client(
    shared_etherd: Etherd,
) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            IN_FLIGHT,
            shared_etherd.address,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [
        "child 1 b'mine' b'parents!'",
        "child 2 b'mine' b'parents!'",
        "parent b'mine' b'parents!'",
    ]


def test_no_client_and_no_block_is_pickled(each: Either, shared_etherd: Etherd) -> None:
    with each.connect(shared_etherd.address) as client, client.alloc(8) as block:
        for of_this_process in (client, block):
            with pytest.raises(TypeError, match="give the other process its address"):
                pickle.dumps(getattr(of_this_process, "inner", of_this_process))
