"""One conversation, one session, whatever its harness sends or does not send; two keys never share one."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from gateway.ir.exchange import Session
from gateway.sessions import identity
from tests.unit.gateway.harnesses import shapes as s

EPHEMERAL = {"type": "ephemeral"}


def identify(
    dialect: str, body: dict[str, Any], extra: dict[str, str] | None = None, harness: str = "unknown", key: str = "k1"
) -> Session:
    return identity.identify(s.headers("curl/8", extra), s.view(dialect, body), key, s.seen_dialect(dialect), harness)


PLAIN = s.body("chat", "You are a coding agent.", [s.ASK])


@pytest.mark.parametrize(
    ("source", "extra", "harness"),
    [
        ("x-interlock-session", {"x-interlock-session": "mine-1", "x-session-id": "ses_12345"}, "opencode"),
        ("x-claude-code-session-id", {"x-claude-code-session-id": "5e55-0000"}, "claude-code"),
        ("x-session-id", {"x-session-id": "ses_12345", "x-session-affinity": "ses_12345"}, "opencode"),
        ("x-session-affinity", {"x-session-affinity": "ses_12345"}, "unknown"),
        ("thread-id", {"thread-id": "01a1-aaaa", "session-id": "01a1-bbbb"}, "unknown"),
        ("session-id", {"session-id": "01a1-bbbb"}, "codex"),
        ("session_id", {"session_id": "01a1-cccc", "x-client-request-id": "01a1-cccc"}, "pi"),
        ("conversation_id", {"conversation_id": "01a1-dddd"}, "codex"),
        ("x-acme-session-id", {"x-acme-session-id": "acme-1"}, "unknown"),
        ("x-opencode-session", {"x-opencode-session": "oc-12345"}, "cline"),
        ("baggage", {"baggage": "user.id=7, session.id=abc-123;ttl=3"}, "unknown"),
        (
            "prefix",
            {"x-client-request-id": "01a1-cccc", "x-request-id": "r-1234", "idempotency-key": "abcd"},
            "unknown",
        ),
        ("prefix", {"authorization": "Bearer sk-other", "cookie": "session-id=1234"}, "unknown"),
    ],
)
def test_headers_in_their_precedence(source: str, extra: dict[str, str], harness: str) -> None:
    assert identify("chat", PLAIN, extra, harness).source == source


@pytest.mark.parametrize(
    ("source", "dialect", "more", "harness"),
    [
        (
            "metadata.user_id",
            "messages",
            {"metadata": {"user_id": "user_0a_account__session_c1cd-8547"}},
            "claude-code",
        ),
        ("metadata.user_id", "messages", {"metadata": {"user_id": json.dumps({"session_id": "c1cd-8547"})}}, "unknown"),
        ("prefix", "messages", {"metadata": {"user_id": "alice"}}, "unknown"),
        ("prefix", "messages", {"metadata": {"user_id": '{"session_id": 5}'}}, "unknown"),
        ("metadata.session_id", "responses", {"client_metadata": {"session_id": "01a1-bbbb"}}, "unknown"),
        ("prompt_cache_key", "responses", {"prompt_cache_key": "qwen-code:f49cb7b4"}, "qwen-code"),
        ("prompt_cache_key", "responses", {"prompt_cache_key": "ses_e06584545"}, "opencode"),
        # An SDK user shares one cache key among all conversations.
        ("prefix", "responses", {"prompt_cache_key": "my-app-v3"}, "unknown"),
    ],
)
def test_body_fields(source: str, dialect: str, more: dict[str, Any], harness: str) -> None:
    assert identify(dialect, s.body(dialect, "S.", [s.ASK], **more), harness=harness).source == source


def test_a_header_names_the_same_session_through_all_its_forms() -> None:
    """OpenCode sends its id in two headers, and as cache key on Responses."""
    forms = [
        identify("chat", PLAIN, {"x-session-id": "ses_12345"}, "opencode"),
        identify("chat", PLAIN, {"x-session-affinity": "ses_12345"}, "opencode"),
        identify("responses", s.body("responses", "", ["x"], prompt_cache_key="ses_12345"), {}, "opencode"),
    ]
    assert len({f.id for f in forms}) == 1


def test_two_keys_never_share_a_session() -> None:
    """Neither by a header they both send, nor by an equal prefix, nor by a crafted concatenation."""
    for extra in ({"x-session-id": "ses_12345"}, {}):
        assert identify("chat", PLAIN, extra, key="k1").id != identify("chat", PLAIN, extra, key="k2").id
    crafted = identify("chat", PLAIN, {"x-session-id": "2ses_12345"}, key="k1")
    assert crafted.id != identify("chat", PLAIN, {"x-session-id": "ses_12345"}, key="k12").id


def test_an_id_is_short_and_printable_and_says_nothing_of_what_was_sent() -> None:
    found = identify("chat", PLAIN, {"x-session-id": "secret-value"})
    assert found.id.startswith("ses_")
    assert len(found.id) == 28
    assert found.id.isascii()
    assert "secret" not in found.id


@pytest.mark.parametrize(
    "value", ["", "abc", "a" * 257, "a b c d", "x\r\nset-cookie: y", "ünïcödé-ïd", "\x00\x01\x02\x03"]
)
def test_an_unusable_header_is_skipped(value: str) -> None:
    sent = {b"x-session-id": value.encode("latin-1"), b"session_id": b"01a1-cccc"}
    found = identity.identify(sent, s.view("chat", PLAIN), "k1", "chat", "unknown")
    assert found.source == "session_id"


def test_kilos_title_call_belongs_to_its_session() -> None:
    title = identify("chat", PLAIN, {"x-session-id": "title-ses_e028"}, "kilo")
    work = identify("chat", PLAIN, {"x-session-id": "ses_e028"}, "kilo")
    assert title.id == work.id
    assert title.agent is None


# --- sub-agents ------------------------------------------------------------------------------------------------------


def test_claude_codes_sub_agent_is_a_session_of_its_own_under_its_parent() -> None:
    main = identify("chat", PLAIN, {"x-claude-code-session-id": "5e55-0000"}, "claude-code")
    sub = identify(
        "chat", PLAIN, {"x-claude-code-session-id": "5e55-0000", "x-claude-code-agent-id": "agent-1"}, "claude-code"
    )
    nested = identify(
        "chat",
        PLAIN,
        {
            "x-claude-code-session-id": "5e55-0000",
            "x-claude-code-agent-id": "agent-2",
            "x-claude-code-parent-agent-id": "agent-1",
        },
        "claude-code",
    )
    assert (main.agent, main.parent) == (None, None)
    assert (sub.agent, sub.parent) == ("agent-1", main.id)
    assert (nested.agent, nested.parent) == ("agent-2", sub.id)
    assert len({main.id, sub.id, nested.id}) == 3


def test_opencodes_sub_agent_names_its_parent() -> None:
    main = identify("chat", PLAIN, {"x-session-id": "ses_parent1"}, "opencode")
    sub = identify("chat", PLAIN, {"x-session-id": "ses_child01", "x-parent-session-id": "ses_parent1"}, "opencode")
    assert sub.parent == main.id
    assert sub.agent
    assert sub.id != main.id


def test_codexs_thread_tells_sub_agents_from_the_users_own() -> None:
    def codex(**fields: str) -> Session:
        return identify("responses", s.body("responses", "S.", [s.ASK]), s.codex_headers(**fields), "codex")

    main = codex()
    sub = codex(thread_id="thread-2", thread_source="subagent:review", parent_thread_id="root-1111")
    by_root = codex(thread_id="thread-3", subagent_kind="review")
    assert (main.agent, main.parent, main.source) == (None, None, "thread-id")
    assert (sub.agent, sub.parent) == ("review", main.id)
    assert by_root.parent == main.id
    assert sub.id != main.id


def test_codexs_metadata_serves_when_the_headers_are_gone() -> None:
    """A proxy in between may drop unknown headers; the body repeats them."""
    body = s.body(
        "responses", "S.", [s.ASK], client_metadata={"x-codex-turn-metadata": s.codex_metadata(thread_id="root-1111")}
    )
    with_headers = identify("responses", s.body("responses", "S.", [s.ASK]), s.codex_headers(), "codex")
    assert identify("responses", body, {}, "codex").id == with_headers.id


@pytest.mark.parametrize("value", ["{", "[]", "null", '{"thread_id": 5}', "x" * 40_000])
def test_hostile_turn_metadata_is_skipped(value: str) -> None:
    found = identify("responses", s.body("responses", "S.", [s.ASK]), {"x-codex-turn-metadata": value}, "codex")
    assert found.source == "prefix"


# --- by prefix -------------------------------------------------------------------------------------------------------


def growing(turns: int) -> list[Any]:
    said: list[Any] = [s.ASK]
    for n in range(turns):
        said += [("call", "bash"), ("result", f"output {n}")] if n % 2 else [("assistant", f"did {n}"), f"and now {n}"]
    return said


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_a_growing_conversation_keeps_its_session(dialect: str) -> None:
    ids = {identify(dialect, s.body(dialect, "You are an agent.", growing(n), ("bash", "edit"))).id for n in range(6)}
    assert len(ids) == 1


def marked(turns: int, mark: Any) -> dict[str, Any]:
    """Messages as OpenCode, pi and qwen-code send them: marks on system, last tool and the last two messages, moving on."""
    body = s.body("messages", "You are an agent.", growing(turns), ("bash", "edit"))
    body["system"][0]["cache_control"] = mark
    body["tools"][-1]["cache_control"] = mark
    for message in body["messages"][-2:]:
        message["content"][-1]["cache_control"] = mark
    return body


def test_moving_cache_marks_do_not_move_the_session() -> None:
    """Five turns; marks wander from the first message to later ones, change their life time, and vanish."""
    bodies = [*(marked(n, EPHEMERAL) for n in range(6)), marked(3, {"type": "ephemeral", "ttl": "1h"})]
    bodies.append(s.body("messages", "You are an agent.", growing(4), ("bash", "edit")))
    found = [identify("messages", body) for body in bodies]
    assert len({f.id for f in found}) == 1
    assert len({f.prefix_digest for f in found}) == 1


def test_a_mark_that_turns_a_text_into_blocks_does_not_move_the_session() -> None:
    plain = {"model": "auto", "messages": [{"role": "user", "content": s.ASK}]}
    blocks = {
        "model": "auto",
        "messages": [{"role": "user", "content": [{"type": "text", "text": s.ASK, "cache_control": EPHEMERAL}]}],
    }
    assert identify("chat", plain).id == identify("chat", blocks).id


def test_text_about_cache_marks_is_content() -> None:
    """The same characters inside a string are the user's words: they must count."""
    with_words = s.body("messages", 'Send {"cache_control": {"type": "ephemeral"}} always.', [s.ASK])
    without = s.body("messages", "Send {} always.", [s.ASK])
    assert identify("messages", with_words).prefix_digest != identify("messages", without).prefix_digest


def test_the_billing_block_changes_with_every_request_and_does_not_move_the_session() -> None:
    def body(head: str | None) -> dict[str, Any]:
        whole = s.body("messages", "You are an agent.", [s.ASK])
        if head:
            whole["system"].insert(
                0, {"type": "text", "text": f"x-anthropic-billing-header: cc_version=2.3; cch={head};"}
            )
        return whole

    assert len({identify("messages", body(h)).id for h in ("00aa1", "7f3c9", None)}) == 1


def test_another_ask_another_system_text_or_other_tools_are_another_session() -> None:
    bodies = [
        s.body("chat", "A.", ["one"]),
        s.body("chat", "A.", ["two"]),
        s.body("chat", "B.", ["one"]),
        s.body("chat", "A.", ["one"], ("bash",)),
    ]
    found = [identify("chat", body).id for body in bodies]
    assert len(set(found)) == 4


def test_aiders_examples_do_not_make_all_its_conversations_one() -> None:
    """Every Aider conversation begins with the same example exchange; the human's ask comes later, with rules behind it,
    and moves up without them on the next turn."""
    first = s.body("chat", s.AIDER_HEAD, [*s.AIDER_EXAMPLES, s.ASK + s.AIDER_RULES])
    second = s.body(
        "chat", s.AIDER_HEAD, [*s.AIDER_EXAMPLES[:4], s.ASK, ("assistant", "Done."), "now test it" + s.AIDER_RULES]
    )
    other = s.body("chat", s.AIDER_HEAD, [*s.AIDER_EXAMPLES, "write a changelog" + s.AIDER_RULES])
    ids = [identify("chat", body, harness="aider").id for body in (first, second, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (b'{"a":1,"cache_control":{"type":"ephemeral"}}', b'{"a":1}'),
        (b'{"cache_control":{"type":"ephemeral"},"a":1}', b'{"a":1}'),
        (b'{ "cache_control" : { "type" : "ephemeral" } , "a":1}', b'{ "a":1}'),
        (b'{"cache_control":{}}', b"{}"),
        (b'{"a":1,"cache_control":null}', b'{"a":1}'),
        (b'{"a":1,"prompt_cache_breakpoint":{"ttl":"30m"},"b":2}', b'{"a":1,"b":2}'),
        (b'{"a":"\\"cache_control\\":{}"}', b'{"a":"\\"cache_control\\":{}"}'),
    ],
)
def test_marks_are_cut_with_one_comma(raw: bytes, clean: bytes) -> None:
    assert identity.without_marks(raw) == clean


def test_marks_anywhere_leave_the_same_json() -> None:
    """Every subset of three places, with and without white space."""
    for places in itertools.product([True, False], repeat=3):
        for separators in ((",", ":"), (", ", ": ")):
            blocks = [
                {"type": "text", "text": f"t{n}", **({"cache_control": EPHEMERAL} if on else {})}
                for n, on in enumerate(places)
            ]
            raw = json.dumps(blocks, separators=separators).encode()
            bare = json.dumps([{"type": "text", "text": f"t{n}"} for n in range(3)], separators=separators).encode()
            assert identity.without_marks(raw) == bare
