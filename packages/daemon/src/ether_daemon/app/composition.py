"""The parts of one server, put together.

Rule: what a part needs is handed to it here; nothing is decided here but that.
"""

from __future__ import annotations

import time

from ether_daemon.engine import EngineFastPath
from ether_daemon.engine.reply_buffer import ReplyBuffer
from ether_daemon.net.admission import Admission
from ether_daemon.net.buffer_budget import BufferBudget
from ether_daemon.net.busy_poll import BusyPoll
from ether_daemon.net.deadlines import Deadlines
from ether_daemon.net.receive import SharedReceiveMemory
from ether_daemon.net.send_batch import SendBatch
from ether_daemon.net.shared import Shared
from ether_daemon.service.access import AccessRules, PrincipalRules
from ether_daemon.service.principal import ANONYMOUS, Principal
from ether_daemon.service.quota import NO_LIMITS, Limits, Quota
from ether_daemon.service.server_account import ServerAccount
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import Store, StoreContents
from ether_daemon.stores.memory.store import MemoryStore

from .deferred_work import DeferredWork
from .statistics import Statistics
from .ticker import Ticker


class Composition:
    """One server's parts; all of them belong to one event loop."""

    def __init__(
        self,
        settings: Settings,
        store: Store | None = None,
        rules: AccessRules | None = None,
        *,
        fast_path: bool = True,
        instance: int | None = None,
    ) -> None:
        """`store` is where blocks live; a memory store of its own where it is left out.

        With `rules` clients act for the principals that these name, else all are anonymous.
        Without a `fast_path` every request is the service's.  `instance` is
        what HELLO calls this set of blocks (see `Statistics`).
        """
        self.deferred_work = DeferredWork()
        limits = Limits(settings.max_memory_bytes, settings.max_handles)
        self.quota = ServerAccount(limits, self.deferred_work.add)
        self.store: Store = store or self._memory_store(limits)
        self.replies = ReplyBuffer()
        self.principals: dict[str, Principal] = {}
        self._fast_path = fast_path
        anonymous = None
        if rules is None:
            anonymous = self.principal(ANONYMOUS)
        else:
            self._obey(rules)
        self.admission = Admission(
            settings, anonymous, self.deferred_work.add, rules, self.principal
        )
        memory = SharedReceiveMemory()
        self.budget = BufferBudget(settings.max_buffer_bytes, memory.pool)
        self.deadlines = Deadlines(time.monotonic, settings.idle_seconds)
        self.statistics = Statistics(
            settings,
            self.quota,
            self.admission,
            self.budget,
            self.deadlines,
            instance,
            self.principals,
        )
        self.shared = Shared(
            memory,
            SendBatch(self.replies, BusyPoll(settings.busy_poll_seconds)),
            self.admission,
            self.budget,
            self.deadlines,
            self.statistics,
        )
        self.ticker = Ticker(self.shared.memory, self.shared.batch, self.deadlines)

    def change_rules(self, rules: AccessRules) -> int:
        """Take new rules for principals; returns how many connections they end.

        The blocks of a principal that is no longer named stay until it is again.
        """
        self._obey(rules)
        return self.admission.change_rules(rules)

    def _obey(self, rules: AccessRules) -> None:
        for name in {*self.principals, *rules.principals}:
            own = rules.principals.get(name, PrincipalRules())
            principal = self.principal(name, own.limits)
            principal.max_clients, principal.admin = own.max_clients, own.admin

    def principal(self, name: str, limits: Limits | None = None) -> Principal:
        """The principal of that name, which has these `limits` from now on."""
        principal = self.principals.get(name)
        if principal is not None:
            if limits is not None:
                principal.quota.limits = limits
        else:
            quota = Quota(limits or NO_LIMITS, self.quota)
            principal = Principal(name, self.store, quota, self.deferred_work.add)
            if isinstance(self.store, MemoryStore):
                self.store.watch(principal.blocks.table)
            if self._fast_path and isinstance(self.store, MemoryStore):
                principal.fast_path = EngineFastPath(
                    self.store, principal.blocks.table, principal.counters.requests, self.replies
                )
            self.principals[name] = principal
        return principal

    def _memory_store(self, limits: Limits) -> MemoryStore:
        store = MemoryStore(limits.max_memory_bytes, self.deferred_work.add, self.quota)
        self.quota.reclaim_with(store.reclaim)
        return store

    def adopt(self, contents: StoreContents) -> None:
        """Give every principal the blocks that the store held when it opened."""
        for name, last in contents.last_handles.items():
            self.principal(name).blocks.table.skip_to(last)
        for block in sorted(contents.blocks):
            self.principal(block.identity.principal).blocks.adopt(block)
