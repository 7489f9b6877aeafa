"""Deferred work, done when a test says so.

Rule: a step is one step of one piece of work, as the daemon's turns do them.
"""

from __future__ import annotations

from ether_daemon.stores.contract import Work


class DeferredList(list[Work]):
    """What was left for later; its `append` is the `Defer` of a store."""

    def step(self, which: int = 0) -> None:
        """Take one step of one piece of work, if there is any; it goes to the end of the list."""
        if not self:
            return
        work = self.pop(which % len(self))
        for _ in work:
            self.append(work)
            break

    def finish(self) -> None:
        """Do all that is left, in turns."""
        while self:
            self.step()


def at_once(work: Work) -> None:
    """Do all of `work` now: the `Defer` where a test does not look at the steps."""
    for _ in work:
        pass
