import msgspec
import pytest

from gateway.dialects._messages_usage import Meter, WireUsage, wire_usage
from gateway.ir.usage import Usage


def meter(*reports):
    made = Meter()
    for report in reports:
        made.add(msgspec.convert(report, WireUsage))
    return made.usage()


def test_input_includes_what_the_cache_did():
    assert meter(
        {"input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 5, "output_tokens": 7}
    ) == (Usage(95, 80, 5, 0, 7))


@pytest.mark.case("3A.10")
@pytest.mark.case("3C.45")
def test_cache_tokens_are_not_counted_twice():
    """The cumulative counts of message_delta overwrite those of message_start.
    envoyproxy/ai-gateway#2236/#2239; litellm#14849."""
    start = {"input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 5, "output_tokens": 1}
    assert meter(start, {**start, "output_tokens": 50}) == Usage(95, 80, 5, 0, 50)


def test_the_closing_report_wins_but_bare_zeros_do_not():
    assert meter({"input_tokens": 100}, {"input_tokens": 20, "cache_read_input_tokens": 80}).input_tokens == 100
    assert meter({"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 30, "output_tokens": 2}) == Usage(
        30, output_tokens=2
    )
    assert meter({"input_tokens": 30}, {"input_tokens": 0, "output_tokens": 5}) == Usage(30, output_tokens=5)
    assert meter({"input_tokens": 100}, {"input_tokens": 0, "cache_read_input_tokens": 100}).fresh_tokens == 0


def test_details_stay_within_their_sums():
    made = meter(
        {
            "input_tokens": 1,
            "cache_creation_input_tokens": 5,
            "cache_creation": {"ephemeral_1h_input_tokens": 9},
            "output_tokens": 3,
            "output_tokens_details": {"thinking_tokens": 8},
        }
    )
    assert (made.cache_written_1h_tokens, made.reasoning_tokens) == (5, 3)
    assert meter({"input_tokens": -5, "cache_read_input_tokens": -1, "output_tokens": -2}) == Usage()
    assert Meter().told is False


def test_the_way_back_subtracts_and_never_goes_below_zero():
    assert wire_usage(Usage(95, 80, 5, 2, 50, 9), start=True) == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 80,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 2},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 9},
    }
    assert wire_usage(Usage(10, 80), start=False)["input_tokens"] == 0
    assert "cache_creation" not in wire_usage(Usage(10, 0, 5), start=False)
