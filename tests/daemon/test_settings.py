from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from ether_daemon.settings import LogSettings, Settings


def test_what_is_not_said_is_as_the_documentation_says() -> None:
    settings = Settings(max_memory_bytes=1)
    assert (settings.host, settings.port) == ("0.0.0.0", 9999)
    assert (settings.max_handles, settings.max_clients) == (0, 10_000)
    assert settings.insecure is False
    assert settings.log == LogSettings(level="info", format="text", file=None)


def test_settings_do_not_change_once_they_are_made() -> None:
    settings = Settings(max_memory_bytes=1)
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]
