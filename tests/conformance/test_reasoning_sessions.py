"""Sessions that change vendors in mid-task, with every way in which clients replay reasoning: no vendor ever objects, each
gets its own reasoning back, and none sees another's."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from gateway.testing.scripted import Asked, Call, ScriptedModel, Text, Thinking, Turn, say
from tests.conformance.stand import MODELS, Stand, complaints
from tests.conformance.talk import CLIENTS, Client, Replay, Result, Talk, thinks

Begin = Callable[..., Talk]
TURNS = 50
VENDORS = ("claude", "deepseek", "vllm", "gpt")

clients = pytest.mark.parametrize("client", CLIENTS)
both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def troupe(stand: Stand, *models: str, turns: int = TURNS + 5) -> dict[str, ScriptedModel]:
    """A vendor for each model, which thinks before every call."""
    made: dict[str, ScriptedModel] = {}
    for model in models:
        vendor = MODELS[model][0]
        count = iter(range(1, 10_000))

        def turn(asked: Asked, vendor: str = vendor, count: Any = count) -> Turn:
            number = next(count)
            return Turn((Thinking(f"{vendor} thought {number}."), Call("read", {"path": f"{vendor}-{number}"})))

        made[model] = stand.script(model, *[turn] * turns)
    return made


def objections(vendors: dict[str, ScriptedModel]) -> list[str]:
    return [c for vendor in vendors.values() for c in complaints(vendor.requests)]


def foreign(vendors: dict[str, ScriptedModel]) -> list[str]:
    """Thoughts that reached a vendor who had not had them."""
    return [
        f"{one} in a request to {model}"
        for model, vendor in vendors.items()
        for record in vendor.work
        for one in {MODELS[m][0] for m in VENDORS} - {MODELS[model][0]}
        if f"{one} thought".encode() in record.body
    ]


def restored(vendor: ScriptedModel, name: str) -> list[str]:
    """Which of its own tool turns the vendor saw without their reasoning in its last request."""
    body = json.dumps(vendor.work[-1].json)
    own = [f"{name}-{n}" for n in range(1, TURNS) if f"{name}-{n}\\" in body or f'"{name}-{n}"' in body]
    if name == "openai":  # its thoughts travel sealed: one encrypted item for each of its turns
        sealed = [item for item in vendor.work[-1].json["input"] if item.get("type") == "reasoning"]
        return own[: len(own) - len(sealed)]
    return [one for one in own if f"{name} thought {one.rpartition('-')[2]}." not in body]


@clients
@both
@pytest.mark.parametrize("replay", ["full", "bare", "text"])
@pytest.mark.case("3B.38", "3B.39", "3B.41", "3B.43")
def test_fifty_tool_turns_across_vendors(
    stand: Stand, talk: Begin, client: Client, stream: bool, replay: Replay
) -> None:
    """A session that changes between Anthropic, DeepSeek, vLLM and OpenAI over fifty tool turns never gets a 400: each
    vendor gets its own reasoning back (also when the client drops it) and never sees another's.

    weave-os/router#860; openclaw#91205, #107221, #110079, can1357/oh-my-pi#6379, bigduu/Bamboo-agent#520,
    farion1231/cc-switch#7226; musistudio/claude-code-router#1378, decolua/9router#355, #1786, #1093, CLIProxyAPI#3451,
    cc-switch#2331, free-claude-code#223, gt_ai_gateway#17; litellm "responses_api_encrypted_content_incident".
    """
    vendors = troupe(stand, *VENDORS)
    order = random.Random(f"{client}{stream}{replay}")
    one = talk(client, "auto", stream=stream, replay=replay, tools=["read"], **thinks(client))
    said = one.ask("go", model=order.choice(VENDORS))
    for n in range(TURNS):
        assert len(said.calls) == 1, objections(vendors)
        said = one.answer(Result(said.calls[0][0], f"result {n}"), model=order.choice(VENDORS))
    for model in VENDORS:  # and back to each of them at the end
        said = one.answer(Result(said.calls[0][0], "more"), model=model)
    assert objections(vendors) == []
    assert foreign(vendors) == []
    if replay != "text":
        assert {model: restored(vendor, MODELS[model][0]) for model, vendor in vendors.items()} == {
            key: [] for key in VENDORS
        }


@clients
@pytest.mark.parametrize("replay", ["full", "bare"])
@pytest.mark.case("3B.38")
def test_the_gateways_memory_is_lost(stand: Stand, talk: Begin, client: Client, replay: Replay) -> None:
    """When the gateway forgets a session (restart, time to live), it goes on without a 400 reaching the client, whoever
    serves the next turn.

    workweave (switch history lost at the time to live of its pin): weave-os/router#860.
    """
    vendors = troupe(stand, *VENDORS)
    order = random.Random(f"{client}{replay}")
    one = talk(client, "auto", stream=True, replay=replay, tools=["read"], **thinks(client))
    said = one.ask("go", model="claude")
    for n in range(24):
        if n % 6 == 5:
            stand.forget()
        said = one.answer(Result(said.calls[0][0], f"result {n}"), model=order.choice(VENDORS))
        assert said.calls
    for vendor in vendors.values():  # what was refused was repaired at once, by one more try without reasoning
        statuses = [record.status for record in vendor.work]
        assert all(after == 200 for before, after in itertools.pairwise(statuses) if before != 200)


@both
@clients
@pytest.mark.case("3B.40")
def test_a_refused_signature_is_repaired_once(stand: Stand, talk: Begin, client: Client, stream: bool) -> None:
    """A 400 "invalid signature" is answered by one more try at the same vendor without any reasoning; the client sees the
    reply only. A second 400 is passed on.

    nguyenphutrong/quotio#218.
    """
    vendor = troupe(stand, "claude")["claude"]
    one = talk(client, "claude", stream=stream, tools=["read"], **thinks(client))
    said = one.ask("go")
    vendor.memory.signatures.clear()  # the vendor changed its keys
    said = one.answer(Result(said.calls[0][0], "ok"))
    assert said.calls
    assert [r.status for r in vendor.work] == [200, 400, 200]
    assert b"thought" not in vendor.work[-1].body


@both
@pytest.mark.case("3B.43")
def test_encrypted_reasoning_stays_with_its_maker(stand: Stand, talk: Begin, stream: bool) -> None:
    """OpenAI's encrypted reasoning goes back to OpenAI only, and a refusal of it is repaired once.

    litellm docs blog "responses_api_encrypted_content_incident".
    """
    vendors = troupe(stand, "gpt", "claude", "vllm")
    one = talk("responses", "gpt", stream=stream, tools=["read"], **thinks("responses"))
    said = one.ask("go")
    said = one.answer(Result(said.calls[0][0], "ok"), model="claude")
    said = one.answer(Result(said.calls[0][0], "ok"), model="vllm")
    said = one.answer(Result(said.calls[0][0], "ok"), model="gpt")
    for other in ("claude", "vllm"):
        assert b"gAAAAA" not in vendors[other].work[-1].body
    sent = [i for i in vendors["gpt"].work[-1].json["input"] if i.get("type") == "reasoning"]
    assert len(sent) == 1
    assert sent[0]["encrypted_content"].startswith("gAAAAA")
    vendors["gpt"].memory.encrypted.clear()
    said = one.answer(Result(said.calls[0][0], "ok"), model="gpt")
    assert said.calls
    assert [r.status for r in vendors["gpt"].work] == [200, 200, 400, 200]


@clients
@both
def test_a_tool_loop_moves_to_a_model_that_thinks_by_budget(
    stand: Stand, talk: Begin, client: Client, stream: bool
) -> None:
    """In the middle of a tool loop an older Claude takes over: a thinking budget would be refused there, so it pauses."""
    vendors = troupe(stand, "deepseek", "claude-old")
    one = talk(client, "deepseek", stream=stream, tools=["read"], **thinks(client))
    if client == "messages":
        one.options["thinking"] = {"type": "enabled", "budget_tokens": 2048}
    said = one.ask("go")
    said = one.answer(Result(said.calls[0][0], "ok"), model="claude-old")
    assert vendors["claude-old"].work[-1].json["thinking"] == {"type": "disabled"}
    said = one.answer(Result(said.calls[0][0], "ok"), model="claude-old")
    said = one.answer(Result(said.calls[0][0], "ok"), then="and another thing", model="claude-old")
    assert objections(vendors) == []


@both
@pytest.mark.case("3B.42")
def test_thinking_off_and_effort(stand: Stand, talk: Begin, stream: bool) -> None:
    """Thinking switched off together with an effort, as Claude Code sends it, is refused by no vendor.

    claude-code-hub#1257, claude-code#65863.
    """
    for model in ("claude", "claude-old", "deepseek", "vllm", "gpt"):
        vendor = stand.script(model, say("ok"))
        one = talk("messages", model, stream=stream)
        assert one.ask("x", thinking={"type": "disabled"}, output_config={"effort": "xhigh"}).text == "ok"
        assert complaints(vendor.requests) == []


# --- binding ------------------------------------------------------------------------------------------------------


def test_a_title_call_neither_follows_nor_moves_the_binding(stand: Stand, talk: Begin) -> None:
    """The conversation is bound to the model that answered it; a title call in the same session goes to the small model and
    leaves no trace of it, even when it ends last (gateways.md case 80)."""
    session = stand.session()
    stand.script("claude", *[say("main")] * 3)
    one = talk("chat", "auto", stream=False, session=session, tools=["read"])
    assert one.ask("refactor the whole code base").headers["x-interlock-model"] == "claude"
    stand.script("small", say("A title"))
    title = talk(
        "chat",
        "auto",
        stream=False,
        session=session,
        system="You are a title generator. You output ONLY a thread title.",
    )
    told = title.ask("Generate a title for this conversation:\nrefactor the whole code base", max_tokens=20)
    assert told.headers["x-interlock-call"] == "title"
    assert told.headers["x-interlock-model"] == "small"
    after = one.ask("go on")
    assert after.headers["x-interlock-model"] == "claude"
    assert "session is bound to claude" in after.headers["x-interlock-reason"]


def test_the_binding_is_written_only_after_success(stand: Stand, talk: Begin) -> None:
    stand.script("claude", fault="529", fault_on="any", fault_times=-1)
    stand.script("deepseek", *[say("I took over")] * 2)
    one = talk("messages", "auto", stream=True, tools=["read"])
    assert one.ask("refactor everything").headers["x-interlock-model"] == "deepseek"
    stand.script("claude", say("I am back"))
    again = one.ask("go on")
    assert again.headers["x-interlock-model"] == "deepseek"
    failing = talk("messages", "claude", stream=False)
    stand.script("claude", fault="400ctx", fault_on="any", fault_times=-1)
    with pytest.raises(Exception, match=r"prompt is too long|context"):
        failing.ask("too long")
    stand.script("claude", say("fine"))
    assert "bound" not in failing.ask("x").headers.get("x-interlock-reason", "")


def test_a_subagent_has_its_own_binding(stand: Stand, talk: Begin) -> None:
    session = f"{stand.session()}-claude-code"
    stand.script("claude", *[say("main")] * 3)
    stand.script("deepseek", *[say("sub")] * 3)
    head = {"x-claude-code-session-id": session}

    def begin(**more: str) -> Talk:
        one = talk("messages", "auto", stream=True, tools=["read"], headers={**head, **more})
        del one.headers["x-interlock-session"]
        return one

    main, sub = begin(), begin(**{"x-claude-code-agent-id": "agent-1"})
    assert main.ask("do it", model="claude").headers["x-interlock-model"] == "claude"
    told = sub.ask("find the bug", model="deepseek")
    assert told.headers["x-interlock-session"] != main.ask("and?").headers["x-interlock-session"]
    assert main.ask("more").headers["x-interlock-model"] == "claude"
    assert sub.ask("more").headers["x-interlock-model"] == "deepseek"


@clients
def test_reasoning_text_without_calls_is_not_shown_to_others(stand: Stand, talk: Begin, client: Client) -> None:
    stand.script("deepseek", Turn((Thinking("deepseek thought 1."), Text("Hm."))))
    vendors = {m: stand.script(m, say("ok")) for m in ("claude", "vllm", "gpt")}
    one = talk(client, "auto", stream=True, **thinks(client))
    one.ask("think", model="deepseek")
    for model in vendors:
        one.ask("and you?", model=model)
    assert objections(vendors) == []
    assert foreign(vendors) == []
