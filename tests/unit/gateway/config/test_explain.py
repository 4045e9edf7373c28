"""`config explain`: values, origins, secrets as references."""

from gateway.config.explain import explain, text
from gateway.config.load import load
from gateway.providers.registry import catalog

FILE = """
models:
  a: {provider: anthropic, model: claude-opus-5-5, lane: frontier, profile: {disable_thinking: "{}"}, headers: {x-token: env:T}}
  b: {provider: vllm, lane: local, api_key: "file:/run/b"}
routes:
  - {id: r, to: a}
"""


def lines() -> dict[str, tuple[str, str]]:
    loaded = load(FILE, file="f.yaml", catalog=catalog())
    return {line.path: (line.value, line.origin) for line in explain(loaded, {"T"})}


def test_values_and_origins():
    got = lines()
    assert got["models.a.lane"] == ('"frontier"', "f.yaml:3")
    assert got["models.a.api_key"] == ("env:ANTHROPIC_API_KEY (NOT SET)", "provider anthropic")
    assert got["models.a.headers.x-token"] == ("env:T (set)", "f.yaml:3")
    assert got["models.a.profile.disable_thinking"] == ("{}", "f.yaml:3")
    assert got["models.b.api_key"] == ("file:/run/b", "f.yaml:4")
    assert got["models.a.context_tokens"] == ("1000000", "card of anthropic claude-opus-5-5")
    assert got["routes[0].to"] == ('["a"]', "f.yaml:6")
    assert got["server.port"] == ("4242", "default")
    assert got["baseline_model"] == ("-", "default")


def test_text_has_one_line_each():
    loaded = load(FILE, file="f.yaml", catalog=catalog())
    rows = explain(loaded, ())
    shown = text(rows).splitlines()
    assert len(shown) == len(rows)
    assert all("  # " in line for line in shown)
    assert text([]) == ""
