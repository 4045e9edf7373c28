import pytest

from gateway.accounting.report import Sums, build, since_of, table, usd
from gateway.errors import MalformedRequest

NOW_S = 1_770_000_000.0


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("30m", NOW_S - 1800),
        ("24h", NOW_S - 86_400),
        ("7d", NOW_S - 7 * 86_400),
        (" 2w ", NOW_S - 14 * 86_400),
        ("2026-02-01", 1_769_904_000),
        ("2026-02-01T06:00", 1_769_925_600),
        ("2026-02-01T06:00+02:00", 1_769_918_400),
    ],
)
def test_moments(text, at_s):
    assert since_of(text, NOW_S) == at_s


@pytest.mark.parametrize("text", ["", "d", "7", "7y", "-7d", "yesterday", "9" * 40 + "d", "2026-13-01"])
def test_other_words(text):
    with pytest.raises(MalformedRequest) as caught:
        since_of(text, NOW_S)
    assert "7d" in caught.value.text()


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.000000"), (1, "0.000001"), (-1, "-0.000001"), (12_345_678, "12.345678"), (10**15 + 1, "1000000000.000001")],
)
def test_money_is_exact(micros, text):
    assert usd(micros) == text


def test_parts_of_one_name_are_joined_and_ordered_by_cost():
    report = build("model", [Sums("a", calls=2), Sums("b", calls=9, cost_usd_micros=5), Sums("a", cost_usd_micros=7)])
    assert [(s.name, s.calls, s.cost_usd_micros) for s in report.lines] == [("a", 2, 7), ("b", 9, 5)]
    assert (report.total.calls, report.total.cost_usd_micros) == (11, 12)


def test_days_are_in_order_of_time():
    report = build(
        "day", [Sums("2026-02-02", cost_usd_micros=1), Sums("2026-02-01", cost_usd_micros=9), Sums("2026-02-03")]
    )
    assert [s.name for s in report.lines] == ["2026-02-01", "2026-02-02", "2026-02-03"]


def test_savings_compare_only_what_can_be_compared():
    """A call without a price looks free, and would be the greatest saving of all."""
    line = Sums(
        "m",
        2,
        cost_usd_micros=100,
        baseline_usd_micros=5_000,
        compared_cost_usd_micros=100,
        compared_baseline_usd_micros=400,
        unpriced=1,
    )
    assert line.saved_usd_micros == 300
    text = table(build("model", [line]))
    assert "Saved 75%" in text
    assert "1 calls used tokens without a known price" in text


def test_a_dearer_choice_is_a_loss():
    line = Sums("m", 1, cost_usd_micros=300, compared_cost_usd_micros=300, compared_baseline_usd_micros=100)
    assert build("lane", [line]).as_json()["total"]["saved_usd"] == "-0.000200"
    assert "-0.000200" in table(build("lane", [line]))


def test_without_a_baseline_there_is_no_saving():
    text = table(build("model", [Sums("m", 1, cost_usd_micros=300)]))
    assert "Saved" not in text
    assert text.splitlines()[1].endswith("-  -") or text.splitlines()[1].rstrip().endswith("-")


def test_estimates_are_marked():
    text = table(build("model", [Sums("m", 1, cost_usd_micros=2_000_000, estimated=1)]))
    assert "2.00~" in text
    assert "~ 1 calls include estimated tokens" in text


def test_nothing_at_all():
    report = build("model", [])
    assert report.as_json()["total"]["calls"] == 0
    assert "total" in table(report)


def test_as_json_names_its_beginning():
    assert build("key", [], 1_770_000_000.0).as_json()["since"] == "2026-02-02T02:40:00+00:00"
