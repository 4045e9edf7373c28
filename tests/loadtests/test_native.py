"""The native programs compile without a warning, and the load generator counts what the mock really answers."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtests import bodies, native, workloads
from loadtests.workloads import Amount, Workload


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh folder: the programs are compiled here, whatever an earlier run left."""
    return tmp_path_factory.mktemp("native")


@pytest.fixture(scope="module")
def mock(cache: Path) -> Iterator[native.Mock]:
    with native.Mock(cache) as running:
        yield running


def drive(cache: Path, port: int, folder: Path, workload: Workload, *words: str, requests: int = 50) -> native.Result:
    made = ["--port", str(port), *workload.words(Amount(requests=requests)), *words]
    for number, body in enumerate(workload.body(workload.model, 1)):
        path = folder / f"{number:02}.json"
        path.write_bytes(body)
        made += ["--body", str(path)]
    return native.load(cache, made, timeout_s=60)


@pytest.mark.parametrize("name", ["small_c16", "medium_c16", "large_c4", "burst", "tool_c8", "session"])
def test_fifty_requests_of_each_kind_are_complete(name: str, cache: Path, mock: native.Mock, tmp_path: Path) -> None:
    workload = workloads.by_name(name)
    result = drive(cache, mock.port, tmp_path, workload)
    asked = 40 if workload.sequence else 50
    assert result.trouble == ""
    assert (result.complete, result.raw["requests"], result.errors) == (asked, asked, 0)
    assert result.raw["marks"] == asked * workload.marks
    assert len(result.raw["latency_us"]) == len(result.raw["ttft_us"]) == asked
    assert 0 < result.ms("ttft", 0.5) <= result.ms("latency", 0.5)
    if workload.sse:
        # Beside the deltas: role or call, ending, usage, [DONE].
        assert result.raw["events"] == asked * (workload.marks + 4)


def test_paced_streams_keep_their_pace(cache: Path, mock: native.Mock, tmp_path: Path) -> None:
    result = drive(cache, mock.port, tmp_path, workloads.by_name("stream_c8"), requests=8)
    assert result.errors == 0
    # 199 gaps of 5 ms. A busy machine may join some and stretch others; it cannot make the whole shorter.
    assert 980 < result.ms("latency", 0.5) < 5000
    assert len(result.raw["gap_us"]) > 8 * 60
    assert 3.5 < result.ms("gap", 0.5) < 15.0


def test_a_thousand_slow_streams_run_at_once(cache: Path, mock: native.Mock, tmp_path: Path) -> None:
    result = drive(cache, mock.port, tmp_path, workloads.SLOW_SHORT, requests=1000)
    assert (result.complete, result.errors) == (1000, 0)
    assert result.raw["seconds"] < 10


def test_what_is_short_of_marks_is_an_error(cache: Path, mock: native.Mock, tmp_path: Path) -> None:
    result = drive(cache, mock.port, tmp_path, workloads.by_name("burst"), "--marks", "201", requests=3)
    assert result.complete == 0
    assert result.raw["errors"] == {"incomplete": 3}
    assert "3 incomplete" in result.trouble


def test_a_refusal_is_an_error_of_its_kind(cache: Path, mock: native.Mock, tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_bytes(bodies.small("no-such-model"))
    words = ["--port", str(mock.port), "--body", str(path), "--requests", "2"]
    result = native.load(cache, words, timeout_s=30)
    assert result.raw["errors"] == {"status": 2}
    assert result.raw["first_bad_status"] == 404


CUT: dict[str, bytes] = {
    "closed": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
    "http": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n",
    "incomplete": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n###\r\n0\r\n\r\n",
    "timeout": b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
}


@pytest.mark.parametrize("kind", sorted(CUT))
def test_a_broken_answer_is_an_error_of_its_kind(kind: str, cache: Path, tmp_path: Path) -> None:
    """Said by a server that answers once and hangs up (or, for the time limit, says no more)."""
    path = tmp_path / "body.json"
    path.write_bytes(b"{}")
    listening = socket.create_server(("127.0.0.1", 0))
    released = threading.Event()

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(CUT[kind])
            if kind == "timeout":
                released.wait(20)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        words = ["--port", str(listening.getsockname()[1]), "--body", str(path), "--requests", "1", "--sse"]
        result = native.load(cache, [*words, "--timeout", "0.5"], timeout_s=30)
    finally:
        released.set()
        thread.join()
        listening.close()
    assert result.raw["errors"] == {kind: 1}


def test_nobody_listening_is_an_error_not_a_hang(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_bytes(b"{}")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        words = ["--port", str(held.getsockname()[1]), "--body", str(path), "--requests", "3"]
        result = native.load(cache, words, timeout_s=30)
    assert result.errors == 3
    assert set(result.raw["errors"]) <= {"connect", "closed"}


def ask(port: int, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()


def assembled(stream: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The message that a harness puts together from a stream, and all chunks."""
    events = [line.removeprefix(b"data: ") for line in stream.split(b"\n\n") if line]
    assert events[-1] == b"[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    message: dict[str, Any] = {"role": "assistant", "content": None}
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if delta.get("content"):
                message["content"] = (message["content"] or "") + delta["content"]
            for call in delta.get("tool_calls", ()):
                if "id" in call:
                    function = dict(call["function"])
                    message["tool_calls"] = [{"id": call["id"], "type": call["type"], "function": function}]
                else:
                    message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    return message, chunks


def test_the_replies_of_a_session_are_those_its_next_body_holds(mock: native.Mock) -> None:
    """The mock (C) and the bodies (Python) say the same: else no gateway would recognise the session."""
    for turn, body in enumerate(bodies.session("bench-turn", seed=42)[:9]):
        message, chunks = assembled(ask(mock.port, body))
        assert message == bodies.reply(42, turn)
        assert chunks[-2]["choices"][0]["finish_reason"] == ("tool_calls" if message.get("tool_calls") else "stop")


def test_the_tool_call_has_valid_arguments(mock: native.Mock) -> None:
    message, chunks = assembled(ask(mock.port, bodies.tool_call("bench-tool")))
    (call,) = message["tool_calls"]
    assert call["function"]["name"] == "read"
    assert json.loads(call["function"]["arguments"])["path"] == "src/app/reader.py"
    assert call["function"]["arguments"].count("#") == 50
    assert chunks[-1]["usage"]["total_tokens"] == 300
    assert chunks[-1]["choices"] == []


def test_deltas_have_sixty_bytes_and_the_json_answer_a_kilobyte(mock: native.Mock) -> None:
    _, chunks = assembled(ask(mock.port, bodies.small("bench-burst", stream=True)))
    deltas = [c["choices"][0]["delta"]["content"] for c in chunks[1:-2]]
    assert len(deltas) == 200
    assert {len(delta) for delta in deltas} == {60}
    answer = ask(mock.port, bodies.small("bench-json"))
    assert 900 < len(answer) < 1150
    assert json.loads(answer)["choices"][0]["finish_reason"] == "stop"


def test_a_chunked_request_is_read_too(mock: native.Mock) -> None:
    """Some gateways send their body so."""
    connection = http.client.HTTPConnection("127.0.0.1", mock.port, timeout=10)
    body = bodies.medium("bench-json")
    pieces = [body[at : at + 7_001] for at in range(0, len(body), 7_001)]
    for _ in range(2):
        connection.request(
            "POST", "/v1/chat/completions", iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["model"]) == (200, "bench-json")
    connection.close()


def test_a_missing_compiler_is_said_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(RuntimeError, match="apt-get install gcc"):
        native.compiled("mock", tmp_path)
