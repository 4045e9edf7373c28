import ctypes

from gateway.adapters import memory


def test_memory_is_given_back_or_nothing_happens(monkeypatch):
    assert isinstance(memory.give_back(), bool)

    class Musl:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Musl())
    assert memory.give_back() is False
