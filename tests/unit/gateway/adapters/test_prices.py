import pytest

from gateway.adapters.prices import CACHE_MAX, ListPrices

AT_S = 1_770_000_000.0


@pytest.fixture(scope="module")
def book():
    prices = ListPrices()
    prices.load()
    return prices


def test_unknown_until_loaded():
    prices = ListPrices()
    assert prices.version == "none"
    assert prices.rates("anthropic", "claude-opus-4-5", AT_S, 10) is None


def test_the_version_names_its_source(book):
    assert book.version.startswith("genai-prices/")


def test_a_known_model_has_its_cache_rates(book):
    rates = book.rates("anthropic", "claude-opus-4-5", AT_S, 1000)
    assert 0 < rates.cached < rates.input < rates.output
    assert rates.cache_write > rates.input


def test_a_longer_request_may_cost_more_altogether(book):
    """Crossing a tier prices the whole call anew, as the vendor does: the caller gives the whole input."""
    small = book.rates("google", "gemini-2.5-pro", AT_S, 1000)
    edge = book.rates("google", "gemini-2.5-pro", AT_S, 200_000)
    large = book.rates("google", "gemini-2.5-pro", AT_S, 200_001)
    assert small == edge
    assert large.input > small.input
    assert large.output > small.output


def test_unknown_models_are_unknown(book, caplog):
    assert book.rates("anthropic", "no-such-model", AT_S, 1) is None
    assert book.rates("no-such-vendor", "x", AT_S, 1) is None
    assert "unpriced" in caplog.text


def test_the_memory_is_bounded(book):
    for number in range(CACHE_MAX + 50):
        book.rates("anthropic", "claude-opus-4-5", AT_S + 3600 * number, 1)
    assert len(book._known) <= CACHE_MAX


def test_the_hour_of_the_call_counts(book, monkeypatch):
    asked = []
    look_up = book._look_up
    monkeypatch.setattr(book, "_look_up", lambda *a: asked.append(a) or look_up(*a))
    for seconds in (0, 1, 3599, 3600):
        book.rates("deepseek", "deepseek-chat", 1_700_000_400 // 3600 * 3600 + seconds, 1)
    assert len(asked) == 2
