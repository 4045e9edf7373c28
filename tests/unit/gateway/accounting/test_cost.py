import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.accounting.cost import NOTHING, Pricing, cost_of
from gateway.ir.usage import Usage
from gateway.ports import Rates

ALL = Rates(input=3.0, output=15.0, cached=0.3, cache_write=3.75, cache_write_1h=6.0)
USED = Usage(10_000, 4_000, 3_000, 1_000, 500, 100)


class Book:
    version = "book/1"

    def __init__(self, rates=ALL):
        self.given, self.asked = rates, []

    def rates(self, price_id, model, at_s, input_tokens):
        self.asked.append((price_id, model, at_s, input_tokens))
        return self.given


def cost(usage, pricing, book=None, busy_s=0.0):
    return cost_of(usage, pricing, book or Book(), at_s=5.0, busy_s=busy_s)


def test_each_token_once_at_its_rate():
    """3000 fresh, 4000 cached, 2000 written short and 1000 long, 500 out."""
    found = cost(USED, Pricing(rates=ALL))
    assert found.parts == {"input": 9_000, "cached": 1_200, "cache_written": 13_500, "output": 7_500}
    assert found.total_usd_micros == 31_200
    assert found.version == "operator"


@pytest.mark.parametrize(
    ("rates", "parts"),
    [
        (Rates(3.0, 15.0), {"input": 9_000, "cached": 12_000, "cache_written": 9_000, "output": 7_500}),
        (
            replace(ALL, cache_write_1h=None),
            {"input": 9_000, "cached": 1_200, "cache_written": 11_250, "output": 7_500},
        ),
        (replace(ALL, cached=0.0), {"input": 9_000, "cache_written": 13_500, "output": 7_500}),
    ],
)
def test_a_missing_rate_is_the_next_dearer_one_and_zero_is_zero(rates, parts):
    assert cost(USED, Pricing(rates=rates)).parts == parts


def test_reasoning_is_inside_the_output():
    assert cost(USED, Pricing(rates=ALL)) == cost(replace(USED, reasoning_tokens=0), Pricing(rates=ALL))


def test_by_the_hour():
    found = cost(USED, Pricing(usd_per_hour=0.36), busy_s=10.0)
    assert found.parts == {"hour": 1_000}
    assert found.version == "operator"
    assert cost(USED, Pricing(usd_per_hour=0.36), busy_s=-1.0).total_usd_micros == 0


def test_free_and_unpriced_are_not_the_same():
    assert cost(USED, Pricing(free=True)).version == "free"
    assert cost(USED, Pricing()) == NOTHING
    assert cost(USED, Pricing(price_id="x", model="m"), Book(None)) == NOTHING


def test_the_list_is_asked_for_time_and_size():
    book = Book()
    assert cost(USED, Pricing(price_id="p", model="m"), book).version == "book/1"
    assert book.asked == [("p", "m", 5.0, 10_000)]


counts = st.integers(0, 10_000_000)
rates = st.floats(0, 1000, allow_nan=False)


@given(counts, counts, counts, counts, counts, rates, rates)
def test_parts_always_sum_to_the_total(fresh, cached, written, long, output, rate, cache_rate):
    usage = Usage(fresh + cached + written, cached, written, min(long, written), output)
    found = cost(usage, Pricing(rates=Rates(rate, rate, cached=cache_rate)))
    assert found.total_usd_micros == sum(found.parts.values()) >= 0
    assert all(found.parts.values())
