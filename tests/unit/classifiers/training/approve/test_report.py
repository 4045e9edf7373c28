import numpy as np

from classifiers.runtime.approve import load, shipped
from classifiers.training.approve import report
from classifiers.training.approve.report import decided, metrics_of, passes
from classifiers.training.approve.rows import Rows


def test_figures(rows):
    perfect = metrics_of(rows, rows.wanted.astype(float))
    assert perfect["*"]["false_allow@0.9"] == 0.0
    assert perfect["*"]["ece"] == 0.0
    useless = metrics_of(rows, np.full(len(rows), 0.5))
    assert useless["*"]["false_allow@0.3"] > 0.9
    assert perfect["*"]["wanted"] + perfect["*"]["unwanted"] == len(rows)


def test_what_passes_is_what_the_gateway_would_let_pass(rows):
    manifest = load(shipped()).manifest
    row = next(row for row in rows.rows if row.classes == ("network", "install") and not row.barred)
    least = manifest.least(row.classes)[0]
    assert passes(manifest, row, least)
    assert not passes(manifest, row, least - 1e-6)
    assert "0 of" in decided(manifest, rows, np.zeros(len(rows)))
    assert decided(manifest, Rows((), {}), np.zeros(0)) == "no rows"


def test_the_report_of_the_shipped_model(monkeypatch, rows):
    monkeypatch.setattr(report, "cases", lambda seed: [])
    monkeypatch.setattr(report, "rows_of", lambda found, read: rows)
    told = report.report(None, None, lambda raw, tainted: None)
    assert "thresholds: false allows of cases at most 0.01 with confidence 0.95" in told
    assert "never" in told
    assert "wanted calls pass" in told
