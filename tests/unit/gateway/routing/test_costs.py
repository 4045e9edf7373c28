"""Prices of turns and moves before they are made."""

import pytest

from gateway.routing.costs import DECODE_TOKENS_S, NEW_TOKENS, OUTPUT_TOKENS, Tariff, loss, rest

OPUS = Tariff(5.0, 0.5, 6.25, 25.0)
FLASH = Tariff(0.252, 0.0252, 0.252, 0.378)
BOX = Tariff(usd_per_hour=0.36, prefill_tokens_s=1000)


def test_the_example_of_the_reference() -> None:
    """routing.md section 3, at 32 k: cold Opus $0.20 with its cache write, warm $0.016, cold DeepSeek $0.008."""
    assert OPUS.cold(32_000) == 200_000
    assert OPUS.warm(32_000) == 16_000
    assert FLASH.cold(32_000) == pytest.approx(8_064)


def test_a_move_costs_what_cold_costs_more_than_warm() -> None:
    assert loss(OPUS, 32_000) == 184_000
    assert loss(Tariff(1.0, 2.0, 1.0), 1_000) == 0
    assert loss(OPUS, 0) == 0


def test_an_own_box_is_priced_by_the_time_it_is_busy() -> None:
    assert BOX.wait_s(60_000) == 60
    assert BOX.cold(60_000) == pytest.approx(6_000)
    assert BOX.turn(60_000) == pytest.approx(100 * (NEW_TOKENS / 1000 + OUTPUT_TOKENS / DECODE_TOKENS_S))
    assert BOX.warm(60_000) == 0


def test_turns_add_up_and_nobody_waits_for_a_cloud() -> None:
    assert rest(OPUS, 10_000, 3) == pytest.approx(3 * (5_000 + NEW_TOKENS * 6.25 + OUTPUT_TOKENS * 25))
    assert OPUS.wait_s(10**6) == 0


def test_the_example_of_the_documentation() -> None:
    """docs/explanation/routing.md, "An example in money"."""
    flash = Tariff(0.252, 0.0252, 0.252, 0.378)
    assert round(OPUS.turn(32_000)) == 40_375
    assert round(rest(OPUS, 32_000, 18)) == 726_750
    assert round(rest(flash, 32_000, 18)) == 25_402
    assert round(loss(flash, 32_000)) == 7_258
    assert loss(OPUS, 32_000) > 0.15 * rest(OPUS, 32_000, 18)
