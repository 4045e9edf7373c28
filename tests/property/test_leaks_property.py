"""Masking: no secret survives, nothing else changes, twice is once, the same over turns; offsets are right."""

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects import registry
from gateway.pipeline import masking
from policies import leaks, texts
from policies.leaks import Detectors
from policies.model import Redact
from policies.secrets import MASK
from tests.unit.policies.test_secrets import SAMPLES

KEY = b"k" * 32
DETECTORS = Detectors(Redact(texts=("results", "replies", "user")))
# Only what has no context of its own: a sample that names its value keeps the name.
ALONE = sorted(
    set(SAMPLES)
    - {"aws_secret_key", "azure_key", "bearer_token", "url_password", "assigned_secret", "card", "private_key"}
)
filler = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)
space = st.sampled_from(["\n", " ", "\t", "\r\n", '"', "'", "(", "\\n", "é ", "中", "\x1b[32m", "=", "😀 "])


@st.composite
def soup(draw):
    """Text with secrets in it: (text, secrets)."""
    parts, found = [draw(filler)], []
    for _ in range(draw(st.integers(0, 4))):
        secret = SAMPLES[draw(st.sampled_from(ALONE))]
        found.append(secret)
        parts += [draw(space), secret, draw(st.sampled_from(["\n", " ", '"', "\\n", "中 ", ")"])), draw(filler)]
    return "".join(parts), found


def edited(raw):
    return leaks.edited(raw, DETECTORS.scan(raw, KEY))


@settings(max_examples=150, deadline=None)
@given(soup(), st.booleans(), st.integers(0, 2))
def test_no_secret_survives_and_nothing_else_changes(made, ascii_only, depth):
    text, found = made
    for _ in range(depth):
        text = json.dumps({"text": text}, ensure_ascii=ascii_only)
    raw = json.dumps({"role": "tool", "tool_call_id": "c", "content": text}, ensure_ascii=ascii_only).encode()
    held = DETECTORS.scan(raw, KEY)
    told = leaks.edited(raw, held)
    content = json.loads(told)["content"]
    assert not [secret for secret in found if secret in content]
    end, copied = 0, b""
    for leak in held:
        assert leak.start >= end
        copied += raw[end : leak.start] + leak.mask
        end = leak.end
    assert told == copied + raw[end:]
    assert edited(told) == told
    assert edited(raw) == told


@settings(max_examples=80, deadline=None)
@given(st.lists(soup(), min_size=1, max_size=4), st.sampled_from(["chat", "messages", "responses"]), st.booleans())
def test_the_same_over_turns_so_that_caches_stay(made, dialect, spaced):
    bodies = []
    for turns in range(1, len(made) + 1):
        raw = _body(dialect, [text for text, _ in made[:turns]], spaced)
        view = registry.by_name(dialect).read(raw)
        found = [(n, held) for n, item in enumerate(view.messages) if (held := DETECTORS.scan(bytes(item), KEY))]
        told = masking.masked(raw, view, found, lambda part: DETECTORS.scan(part, KEY, every=True)) if found else raw
        again = registry.by_name(dialect).read(told)
        assert len(again.messages) == len(view.messages)
        bodies.append(again.messages)
    for shorter, longer in itertools.pairwise(bodies):
        assert [bytes(item) for item in longer[: len(shorter)]] == [bytes(item) for item in shorter]


def _body(dialect, results, spaced):
    items = {
        "chat": lambda n, text: {"role": "tool", "tool_call_id": f"c{n}", "content": text},
        "messages": lambda n, text: {
            "role": "user", "content": [{"type": "tool_result", "tool_use_id": f"c{n}", "content": text}]},
        "responses": lambda n, text: {"type": "function_call_output", "call_id": f"c{n}", "output": text},
    }[dialect]  # fmt: skip
    body = {"model": "m", "max_tokens": 9} if dialect == "messages" else {"model": "m"}
    body["input" if dialect == "responses" else "messages"] = [items(n, text) for n, text in enumerate(results)]
    return json.dumps(body, ensure_ascii=False, separators=(", ", ": ") if spaced else (",", ":")).encode()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.booleans(), st.data())
def test_places_of_characters(text, ascii_only, data):
    text = text.encode("utf-8", "replace").decode()
    token = json.dumps(text, ensure_ascii=ascii_only).encode()
    points = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    wanted = [len(json.dumps(text[:point], ensure_ascii=ascii_only).encode()) - 1 for point in points]
    assert texts.offsets(token, points) == wanted


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_in_a_text_are_no_error(data):
    raw = json.dumps({"role": "tool", "content": data.decode("latin-1")}).encode()
    told = json.loads(edited(raw))["content"]
    assert MASK.sub("", told) == told or told != data.decode("latin-1")
