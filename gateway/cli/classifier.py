"""Train, evaluate and retrain the request classifier; train and evaluate the model of mode auto."""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import click

from classifiers.artefact import ArtefactError
from gateway.adapters import outcomes
from gateway.cli import EXIT_PROBLEMS
from gateway.errors import ConfigError

SQLITE = b"SQLite format 3"

EXTRA = "the classifier's training needs scikit-learn and skl2onnx: install interlock[train]"


@click.group(name="classifier", no_args_is_help=True)
def COMMAND() -> None:
    """Train, evaluate and retrain the request classifier and the auto-approval model (needs the extra `train`)."""


_HEAD = click.option(
    "--head",
    type=click.Choice(["route", "approve"]),
    default="route",
    show_default=True,
    help="The request classifier, or the model that approves calls in mode auto.",
)


@COMMAND.command()
@_HEAD
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Routing data: paired outcomes; policy data for --head approve.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write.")
@click.option("--seed", type=int, default=None, help="Default: the one the shipped classifier was trained with.")
@click.option(
    "--risk",
    type=click.FloatRange(0.001, 0.5),
    default=None,
    help="To certify at. Default: 0.1; 0.01 for --head approve, as the rate of unwanted calls that would pass.",
)
def train(head: str, data: Path | None, out: Path, seed: int | None, risk: float | None) -> None:
    """Train a classifier from generated asks and, with --data, from paired outcomes; write it to --out.

    Without --data the lane scores are rates that were set, not learned. With --head approve: from sessions written for it
    and, with --data, from the permissive part of the policy data."""
    if head == "approve":
        _train_approval(data, out, seed, risk)
        return
    made = _training().assemble, _training().train
    try:
        trained = made[1].train(
            data,
            made=datetime.now(UTC).date(),
            seed=made[0].SEED if seed is None else seed,
            alpha=made[1].certify.ALPHA if risk is None else risk,
            tell=lambda line: click.echo(line, err=True),
        )
    except (_training().sources.SourceError, made[1].ParityError) as error:
        _stop(str(error))
    trained.write(out)
    sizes = ", ".join(f"{name} {len(content) / 1e6:.2f} MB" for name, content in trained.files.items())
    click.echo(f"wrote {out}: version {trained.manifest.version}; {sizes}")


def _train_approval(data: Path | None, out: Path, seed: int | None, risk: float | None) -> None:
    training = _approval()
    try:
        trained = training.train.train(
            data,
            training.read,
            made=datetime.now(UTC).date(),
            seed=training.train.SEED if seed is None else seed,
            risk=training.train.RISK if risk is None else risk,
            tell=lambda line: click.echo(line, err=True),
        )
    except (training.source_error, training.train.ParityError) as error:
        _stop(str(error))
    trained.write(out)
    click.echo(f"wrote {out}: version {trained.manifest.version}; {len(trained.graph) / 1e6:.2f} MB")


@COMMAND.command()
@_HEAD
@click.option(
    "--model", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Default: the shipped one."
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Train again on all but one group after the other of this data instead of reading the held-out scores that ship.",
)
@click.option("--split", type=click.Choice(["group", "random"]), default="group", show_default=True)
def evaluate(head: str, model: Path | None, data: Path | None, split: str) -> None:
    """What the classifier is worth on groups it was not trained on, beside routers that need none. With --head approve: how
    many unwanted calls would pass, on families of sessions it was not trained on and, with --data, on policy data."""
    if split == "random":
        _stop(
            "a random split puts items of one subject, repository or template on both sides and flatters every router "
            "(routing by text looks up to 0.09 APGR better); use --split group"
        )
    if head == "approve":
        approval = _approval()
        try:
            told = approval.report.report(model, data, approval.read, tell=lambda line: click.echo(line, err=True))
        except (approval.source_error, ArtefactError) as error:
            _stop(str(error))
        click.echo(told, nl=False)
        return
    training = _training()
    try:
        click.echo(training.evaluate.report(model, data, tell=lambda line: click.echo(line, err=True)), nl=False)
    except training.evaluate.Unusable as error:
        _stop(str(error))


@COMMAND.command()
@click.option("--from-ledger", "ledger", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--force", is_flag=True, help="Write the candidate even if it does not win, under --out/candidate.")
def retrain(ledger: Path, data: Path | None, out: Path, force: bool) -> None:
    """Train on outcomes of your own requests (a gateway's ledger, or JSON lines, one per decision) and promote only a
    winner. A ledger has asks only where `ledger.keep_asks` is set."""
    training = _training()
    try:
        with _lines(ledger) as rows:
            outcome = training.retrain.retrain(
                rows, data, made=datetime.now(UTC).date(), tell=lambda line: click.echo(line, err=True)
            )
    except training.retrain.Unusable as error:
        _stop(str(error))
    click.echo(outcome.printed(), nl=False)
    if outcome.promoted:
        outcome.trained.write(out)
        click.echo(f"promoted: wrote {out}")
        return
    if force:
        outcome.trained.write(out / "candidate")
        click.echo(f"wrote {out / 'candidate'}, which is not in use")
    sys.exit(EXIT_PROBLEMS)


@contextmanager
def _lines(ledger: Path) -> Iterator[Path]:
    """The file itself, or the decisions of a gateway's ledger as one."""
    with ledger.open("rb") as file:
        if file.read(len(SQLITE)) != SQLITE:
            yield ledger
            return
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "outcomes.jsonl"
        try:
            text = "".join(json.dumps(line) + "\n" for line in outcomes.lines(ledger))
        except ConfigError as error:
            _stop(error.text())
        except sqlite3.Error as error:
            _stop(f"the ledger cannot be read: {error}")
        if not text:
            _stop(
                f"{ledger} has no decision whose ask was kept and whose outcome was seen: set `ledger.keep_asks: true`, "
                "and let sessions go on until their checks pass or fail"
            )
        rows.write_text(text, encoding="utf-8")
        yield rows


def _training() -> Any:
    """The training package with its modules; tells what to install if its libraries are missing."""
    try:
        import classifiers.training.evaluate
        import classifiers.training.retrain
        import classifiers.training.train
    except ModuleNotFoundError as error:
        _missing(error)
    return classifiers.training


def _approval() -> Any:
    """The same for the auto-approval model, with the reader of calls that the gateway uses."""
    try:
        from classifiers.training.approve import report, train
        from classifiers.training.sources import SourceError
        from gateway.cli import _pending
    except ModuleNotFoundError as error:
        _missing(error)
    return SimpleNamespace(report=report, train=train, read=_pending.read, source_error=SourceError)


def _missing(error: ModuleNotFoundError) -> NoReturn:
    if (error.name or "").split(".")[0] not in {"sklearn", "skl2onnx", "scipy", "onnx", "numpy", "onnxruntime"}:
        raise error
    _stop(f"{EXTRA} (no module {error.name})")


def _stop(problem: str) -> NoReturn:
    click.echo(problem, err=True)
    sys.exit(EXIT_PROBLEMS)
