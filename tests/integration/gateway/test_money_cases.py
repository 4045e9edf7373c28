"""The acceptance cases of money (gateways.md 3C), end to end: what a vendor reports, what the client sees, what is billed."""

import json

import pytest

from gateway.testing.scripted import Tokens, Turn
from gateway.testing.scripted.turns import Text
from tests.support.gateways import PATHS, events_of, one_model, staged

DIALECTS = list(PATHS)
COST = {
    "input_usd_per_mtok": 10.0,
    "output_usd_per_mtok": 50.0,
    "cached_usd_per_mtok": 1.0,
    "cache_write_usd_per_mtok": 12.5,
}
USED = Tokens(input=10_000, cached=8_000, written=1_000, output=200, reasoning=50)
PLAIN = Tokens(input=10_000, cached=9_000, output=200, reasoning=50)


def said(tokens):
    return Turn(parts=(Text("fine"),), tokens=tokens)


def used_of(dialect):
    """Only Messages reports what was written to the cache."""
    return USED if dialect == "messages" else PLAIN


def exact(tokens):
    """Micro-dollars by the rates above: each token once, at its own rate."""
    fresh = tokens.input - tokens.cached - tokens.written
    return round(fresh * 10 + tokens.cached * 1 + tokens.written * 12.5 + tokens.output * 50)


async def billed(tmp_path, upstream, client, *, stream, tokens, cost=COST, **script):
    config = one_model(upstream, cost=cost)
    async with staged(tmp_path, config, turns=[said(tokens)], **script) as stage:
        more = {"stream_options": {"include_usage": True}} if client == "chat" and stream else {}
        reply = await stage.ask(client, stream=stream, **more)
        assert reply.status == 200
        return stage.row, reply


@pytest.mark.case("3C.44")
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_cached_reads_cost_the_same_streamed_and_whole(tmp_path, upstream, client):
    """A streamed call costs exactly what the same call costs whole, cached reads at the cached rate.

    litellm#11789: cached reads were priced as full input only when streaming (about 7x)."""
    tokens = used_of(upstream)
    streamed, _ = await billed(tmp_path / "s", upstream, client, stream=True, tokens=tokens)
    whole, _ = await billed(tmp_path / "w", upstream, client, stream=False, tokens=tokens)
    assert streamed.cost_usd_micros == whole.cost_usd_micros == exact(tokens)
    assert streamed.usage == whole.usage


@pytest.mark.case("3C.45")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_cache_hits_are_counted_once(tmp_path, upstream, stream):
    """A cached token is billed once, at the cached rate, and is part of the input exactly once.

    litellm#14849: cache hits were counted twice ($0.76 instead of $0.18)."""
    tokens = used_of(upstream)
    row, _ = await billed(tmp_path, upstream, upstream, stream=stream, tokens=tokens)
    assert row.usage.input_tokens == tokens.input
    assert row.usage.cached_tokens == tokens.cached
    assert row.cost_parts["cached"] == tokens.cached
    assert row.cost_parts["input"] == (tokens.input - tokens.cached - tokens.written) * 10
    assert row.cost_usd_micros == exact(tokens)


@pytest.mark.case("3C.46")
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_an_operators_price_has_its_cache_rates(tmp_path, upstream):
    """A price of the operator's own applies its cache rates; a rate left out is the input rate, never nothing.

    litellm#28009: a custom price ignored cache rates (+67 %)."""
    tokens = used_of(upstream)
    own, _ = await billed(tmp_path / "own", upstream, "chat", stream=True, tokens=tokens)
    assert own.price_version == "operator"
    assert own.cost_parts["cached"] == tokens.cached
    bare = {"input_usd_per_mtok": 10.0, "output_usd_per_mtok": 50.0}
    without, _ = await billed(tmp_path / "bare", upstream, "chat", stream=True, tokens=tokens, cost=bare)
    assert without.cost_usd_micros == tokens.input * 10 + tokens.output * 50


@pytest.mark.case("3C.47")
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_totals_hold_what_was_written_to_the_cache(tmp_path, client, stream):
    """Tokens written to the cache are part of the input total that the client sees and of the bill, at their own rate.

    litellm#13207: totals omitted cache creation."""
    row, reply = await billed(tmp_path, "messages", client, stream=stream, tokens=USED)
    assert row.usage.cache_written_tokens == USED.written
    assert row.cost_parts["cache_written"] == 12_500
    assert row.usage.input_tokens == USED.input
    assert seen_input(client, reply, stream=stream) == USED.input


def seen_input(client, reply, *, stream):
    """All input tokens by the definition of the client's dialect."""
    usage = usage_of(client, reply, stream=stream)
    if client == "messages":
        return usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
    return usage["prompt_tokens" if client == "chat" else "input_tokens"]


def usage_of(client, reply, *, stream):
    if not stream:
        return reply.json()["usage"]
    found = {}
    for _, event in events_of(reply.body):
        if event == "[DONE]":
            continue
        for place in (event, event.get("message") or {}, event.get("response") or {}):
            found |= {k: v for k, v in (place.get("usage") or {}).items() if v is not None}
    return found


@pytest.mark.case("3C.48")
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_what_clients_compute_is_what_is_billed(tmp_path, upstream, client):
    """A client that prices the usage it is shown, by the rules of its own dialect, gets the sum on our bill.

    Aider#5516, pi#2148: clients bill twice because gateways disagree on whether prompt_tokens includes cached ones."""
    row, reply = await billed(tmp_path, upstream, client, stream=False, tokens=PLAIN)
    usage = usage_of(client, reply, stream=False)
    if client == "messages":
        fresh, cached, output = usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]
    elif client == "chat":
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        fresh, output = usage["prompt_tokens"] - cached, usage["completion_tokens"]
    else:
        cached = usage["input_tokens_details"]["cached_tokens"]
        fresh, output = usage["input_tokens"] - cached, usage["output_tokens"]
    assert fresh * 10 + cached * 1 + output * 50 == row.cost_usd_micros == exact(PLAIN)


@pytest.mark.case("3C.49")
@pytest.mark.parametrize("stream", [False, True])
async def test_the_bill_is_not_overstated(tmp_path, stream):
    """Headers, closing comment, ledger and statistics name one and the same sum, and a retry that was refused adds nothing.

    agenta#5711: costs were overstated 6.6 times."""
    config = one_model("messages", cost=COST)
    config["retry"] = {"backoff_base_s": 0.001}
    async with staged(tmp_path, config, fault="503", fault_on="any", turns=[said(USED)]) as stage:
        reply = await stage.ask("messages", stream=stream)
        assert stage.row.cost_usd_micros == exact(USED)
        assert [h.cost_usd_micros for h in stage.row.hops] == [0, exact(USED)]
        if stream:
            comment = next(line for line in reply.text.splitlines() if line.startswith(": interlock "))
            told = json.loads(comment.removeprefix(": interlock "))["cost_usd"]
        else:
            told = reply.headers["x-interlock-cost-usd"]
        assert told == f"{exact(USED) / 1e6:.6f}"
        stats = (await stage.client.get("/v1/stats")).json()
        assert stats["cost_usd"] == float(told)
        assert await stage.sql("SELECT sum(cost_usd_micros) FROM calls") == [(exact(USED),)]


@pytest.mark.case("3C.50")
@pytest.mark.parametrize("upstream", DIALECTS)
async def test_message_start_counts(tmp_path, upstream):
    """A Messages stream opens with an input count that is not zero, whatever the upstream tells and when; the end corrects
    it, and the bill is the vendor's figure.

    vercel/ai#17326: message_start with 0/0 breaks per-message cost."""
    fault = "zero_start_usage" if upstream == "messages" else None
    row, reply = await billed(tmp_path, upstream, "messages", stream=True, tokens=PLAIN, fault=fault)
    events = [event for _, event in events_of(reply.body)]
    opening = next(e for e in events if e["type"] == "message_start")["message"]["usage"]
    closing = next(e for e in events if e["type"] == "message_delta")["usage"]
    if upstream != "messages":  # the same dialect passes as it comes
        assert opening["input_tokens"] > 0
    total = closing["input_tokens"] + closing.get("cache_read_input_tokens", 0)
    assert total + closing.get("cache_creation_input_tokens", 0) == PLAIN.input
    assert row.cost_usd_micros == exact(PLAIN)
