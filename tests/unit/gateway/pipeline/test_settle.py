import pytest

from gateway.accounting.cost import Pricing
from gateway.ir.usage import Usage
from gateway.pipeline import settle
from gateway.ports import Rates
from tests.support.rows import hop

NONE = Usage(source="none")


@pytest.mark.parametrize(
    ("hops", "version"),
    [
        ((), "none"),
        ((hop(price_version="a"),), "a"),
        ((hop(price_version="a"), hop(price_version="b")), "b"),
        ((hop(price_version="none"), hop(price_version="b")), "none"),
        ((hop(price_version="none", usage=NONE), hop(price_version="b")), "b"),
        ((hop(price_version="a", usage=NONE),), "none"),
    ],
)
def test_one_unpriced_hop_makes_the_sum_unpriced(hops, version):
    assert settle._version(list(hops)) == version


def test_usage_is_what_was_paid():
    assert settle._sum([]) == NONE
    assert settle._sum([NONE, Usage(5, output_tokens=1), NONE]) == Usage(5, output_tokens=1)
    both = settle._sum([Usage(5, source="estimated"), Usage(7)])
    assert (both.input_tokens, both.source) == (12, "estimated")


class Flight:
    def __init__(self, *hops):
        self.hops = list(hops)
        self.exchange = type("E", (), {"received_s": 0.0})


class Runtime:
    def __init__(self, baseline="big", **pricing):
        self.baseline, self.pricing = baseline, pricing


RATES = Pricing(rates=Rates(input=10.0, output=50.0, cached=1.0))


def baseline(flight, runtime):
    return settle._baseline(flight, type("P", (), {"prices": None}), runtime)


def test_the_useful_usage_on_the_baseline_model():
    flight = Flight(hop(usage=Usage(10_000)), hop(usage=Usage(100, 40, output_tokens=10)))
    assert baseline(flight, Runtime(big=RATES)) == (60 * 10 + 40 + 500, {})


def test_what_cannot_be_compared_is_marked():
    used = Flight(hop(usage=Usage(100)))
    assert baseline(used, Runtime(None)) == (0, {"baseline": "none"})
    assert baseline(used, Runtime(big=Pricing())) == (0, {"baseline": "unpriced"})
    assert baseline(Flight(), Runtime(big=RATES)) == (0, {})
    assert baseline(Flight(hop(usage=NONE)), Runtime(None)) == (0, {})
