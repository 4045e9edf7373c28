"""`interlock route explain`: offline, from a file or standard input, in every dialect."""

import json

import pytest
from click.testing import CliRunner

from gateway.cli.route import COMMAND, guess

CONFIG = """
version: 1
models:
  local/coder: {provider: vllm, base_url: "http://127.0.0.1:9", model: q, lane: local, context_tokens: 20000}
  cloud/big: {provider: anthropic, model: claude-opus-5-5, lane: frontier}
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "c.yaml").write_text(CONFIG)

    def invoke(body, *words, file="-"):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return CliRunner().invoke(COMMAND, ["explain", file, "--config", str(tmp_path / "c.yaml"), *words], input=text)

    return invoke


def chat(text, **more):
    return {"model": "auto", "messages": [{"role": "user", "content": text}], **more}


def test_for_people(run):
    done = run(chat("write a docstring for this function"))
    assert done.exit_code == 0
    assert "local/coder (lane local)" in done.output
    assert "docstring" in done.output
    assert "+ cloud/big" in done.output


def test_as_json_it_is_the_answer_of_the_dry_run(run):
    told = json.loads(run(chat("write a docstring for f"), "--json").output)
    assert {
        "model",
        "lane",
        "route",
        "call",
        "task",
        "scores",
        "sticky",
        "reason",
        "candidates",
        "classifier",
    } <= told.keys()
    assert told["model"] == "local/coder"


def test_why_a_model_is_out(run):
    done = run(chat("write a docstring " + "x" * 200_000))
    assert "cloud/big (lane frontier)" in done.output
    assert "- local/coder" in done.output
    assert "window: needs about" in done.output


def test_a_file_a_model_and_headers(run, tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(chat("hi")))
    done = run(b"", "--model", "cloud/big", "--header", "user-agent:opencode/1.18.33", file=str(tmp_path / "r.json"))
    assert "asked for by name" in done.output
    assert "opencode" in done.output


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": 5, "model": "auto"}'])
def test_a_broken_request(run, body):
    done = run(body)
    assert done.exit_code == 1
    assert done.output.startswith("400 malformed_request")


def test_an_unknown_model(run):
    done = run(chat("x") | {"model": "nobody"})
    assert done.exit_code == 1
    assert "local/coder" in done.output


def test_wrong_words(run):
    assert run(chat("x"), "--header", "nonsense").exit_code == 2
    assert run(chat("x"), "--dialect", "klingon").exit_code == 2


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        ({"model": "m", "input": "x"}, "responses"),
        (chat("x"), "chat"),
        (chat("x", system="s"), "messages"),
        (chat("x", tools=[{"name": "t", "input_schema": {}}]), "messages"),
        (chat("x", tools=[{"type": "function", "function": {"name": "t"}}]), "chat"),
        ({"model": "m", "messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "messages"),
    ],
)
def test_the_dialect_is_told_by_the_body(run, body, dialect):
    assert guess(json.dumps(body).encode()) == dialect
    assert guess(b"\xff{") == "chat"
    assert guess(b"[" * 100_000) == "chat"


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_every_dialect(run, dialect):
    body = {"model": "auto", "input": "hi"} if dialect == "responses" else chat("hi", max_tokens=5)
    assert f"({dialect} request)" in run(body, "--dialect", dialect).output


def test_what_a_route_does_for_streams(run, tmp_path):
    route = "{id: r, to: [local/coder, cloud/big], continue_on: [cut, stall], stall_s: 5, hedge_after_s: 2}"
    (tmp_path / "c.yaml").write_text(CONFIG + f"routes:\n  - {route}\n")
    done = run(chat("hi"))
    assert done.exit_code == 0, done.output
    assert "goes on  with the next model after text, on cut, stall (silent for 5 s)" in done.output
    assert "hedge    the next model too after 2 s without content" in done.output
    told = json.loads(run(chat("hi"), "--json").output)
    assert (told["continue_on"], told["stall_s"], told["hedge_after_s"]) == (["cut", "stall"], 5, 2)
