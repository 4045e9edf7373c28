"""Detectors: what is found in an item, what happens per model, what a policy may say."""

import json
import time

import pytest

from policies import leaks, load
from policies.errors import PolicyError
from policies.leaks import Detectors, Target
from policies.model import Redact

TOKEN = "ghp_" + "a1B2c3D4e" * 4
CARD = "4111 1111 " + "1111 1111"
MID, TOP, OWN = Target(False, "mid"), Target(False, "frontier"), Target(True, "local")
KEY = b"k" * 32


def made(**settings):
    return Detectors(Redact.model_validate(settings))


def item(content, **more):
    return json.dumps({"role": "tool", "tool_call_id": "c", "content": content, **more}, ensure_ascii=False).encode()


def edited(detectors, raw, **more):
    return leaks.edited(raw, detectors.scan(raw, KEY, **more))


def test_only_the_leak_is_replaced():
    raw = item(f"é \n {TOKEN} \\ end")
    (leak,) = made().scan(raw, KEY)
    assert raw[leak.start : leak.end] == TOKEN.encode()
    assert (leak.kind, leak.source) == ("github_token", "results")
    assert edited(made(), raw) == raw.replace(TOKEN.encode(), leak.mask)


def test_sources_are_chosen():
    raw = json.dumps({"role": "user", "content": TOKEN}).encode()
    assert made().scan(raw, KEY) == ()
    assert len(made().scan(raw, KEY, bare=True)) == 1
    assert len(made(texts=["user"]).scan(raw, KEY)) == 1
    assert made(texts=["replies"]).scan(item(TOKEN), KEY) == ()


def test_ascii_spelled_as_escapes_is_found():
    raw = item(TOKEN).replace(b"ghp_", b"\\u0067hp\\u005f")
    assert TOKEN[4:].encode() not in edited(made(), raw)
    hook = "https://hooks.slack.com/" + "services/T0000000/B000000/" + "a1B2" * 6
    assert b"a1B2" not in edited(made(), item(hook).replace(b"/", b"\\/"))


def test_a_card_that_is_a_number_becomes_a_text():
    raw = json.dumps({"role": "assistant", "content": [
        {"type": "tool_use", "id": "i", "name": "n", "input": {"card": int(CARD.replace(" ", "")), "n": 12}}]}).encode()  # fmt: skip
    told = json.loads(edited(made(), raw))
    assert told["content"][0]["input"]["card"].startswith("[secret:card:")
    assert told["content"][0]["input"]["n"] == 12


def test_words_know_their_borders():
    detectors = made(teams=[{"words": ["Bluebird", "Zürich", "x+y"], "name": "code"}])
    text = "bluebird BLUEBIRD_api the-bluebird BluebirdClient myBluebird \\nbluebird zürich x+y"
    assert len(detectors.find(text)) == 8
    assert detectors.find("bluebirds xbluebird zürichs 1bluebird2") == []
    assert len({detectors.masked(word, MID, KEY) for word in ("bluebird", "BLUEBIRD", "Bluebird")}) == 1
    exact = made(teams=[{"words": "Bluebird", "case": "exact", "border": "none"}])
    assert [hit.start for hit in exact.find("bluebird xBluebirds")] == [10]
    escaped = json.dumps({"role": "tool", "content": "in Zürich"}).encode()
    assert b"rich" not in edited(detectors, escaped)


def test_patterns_take_their_first_group():
    detectors = made(patterns=[{"name": "ticket", "regex": 'id="([0-9]{5})"|T-[0-9]+'}])
    raw = item('say id="12345" and T-9')
    assert json.loads(edited(detectors, raw))["content"].count("[secret:ticket:") == 2
    assert b'id=\\"[secret:ticket:' in edited(detectors, raw)


def test_actions_per_model():
    plain = made()
    assert [plain.action("card", target) for target in (MID, TOP, OWN)] == ["mask", "mask", "off"]
    assert (plain.watches(MID), plain.watches(OWN), plain.idle, plain.pins) == (True, False, False, False)
    mixed = made(
        secrets={"cloud": "mask", "frontier": "deny", "own": "mask"},
        kinds={"card": {"frontier": "local"}, "jwt": "off"},
    )
    assert [mixed.action("github_token", target) for target in (MID, TOP, OWN)] == ["mask", "deny", "mask"]
    assert [mixed.action("card", target) for target in (MID, TOP, OWN)] == ["mask", "local", "mask"]
    assert mixed.action("jwt", MID) == "off"
    assert (mixed.watches(OWN), mixed.pins) == (True, True)
    assert made(secrets="off").idle


def test_the_strictest_action_holds():
    assert leaks.strictest([]) == "off"
    assert leaks.strictest(["mask", "ask", "off"]) == "ask"
    assert leaks.strictest(["local", "deny"]) == "deny"


def test_what_publishes():
    detectors = made(
        publish="mask",
        teams=[{"words": "alpha", "name": "a", "action": "deny"}, {"words": "beta", "name": "b", "publish": "off"}],
        patterns=[{"name": "c", "regex": "x{9}"}],
    )
    assert [detectors.publishes(kind) for kind in ("card", "a", "b", "c")] == ["mask", "deny", "off", "mask"]


@pytest.mark.parametrize(
    ("redact", "said"),
    [
        ("{kinds: {cards: mask}}", "no class of secrets is named so"),
        ("{patterns: [{name: jwt, regex: x}]}", "the name is taken"),
        ("{patterns: [{name: a, regex: '(?=x)'}]}", "not an RE2 expression"),
        ("{patterns: [{name: a, regex: 'x*'}]}", "matches the empty text"),
        ("{patterns: [{name: a, regex: 'x', match: [y]}]}", "is not found in its example"),
        ("{teams: [{words: alpha, not_match: [the alpha]}]}", "is found in its example"),
        ("{teams: [{words: ['']}]}", "an empty word"),
        ("{teams: [{words: aaaa}, {words: bbbb, action: deny}]}", "two lists of one name"),
        ("{secrets: {mars: mask}}", "mars"),
        ("{secrets: shred}", "shred"),
        ("{mask: yes}", "the key mask is not known"),
        ("{texts: [dreams]}", "dreams"),
    ],
)
def test_what_a_policy_may_not_say(redact, said):
    with pytest.raises(PolicyError) as caught:
        load.load([("team.yaml", f"version: 1\nredact: {redact}\n")])
    assert said in caught.value.problems[0].sentence()
    assert {problem.line for problem in caught.value.problems} == {2}


def test_files_add_up():
    first = "version: 1\nredact: {allow: [one], teams: [{words: alpha}], kinds: {jwt: off}}\n"
    second = "version: 1\nredact: {secrets: deny, allow: [two], patterns: [{name: p, regex: x+}], kinds: {card: ask}}\n"
    held = load.load([("a", first), ("b", second)]).file.redact
    assert held.allow == ("one", "two")
    assert (len(held.teams), len(held.patterns), sorted(held.kinds)) == (1, 1, ["card", "jwt"])
    assert held.secrets == {"cloud": "deny"}


def test_examples_are_counted():
    settings = Redact.model_validate({"teams": [{"words": "alpha", "match": ["alpha"], "not_match": ["beta", "x"]}]})
    assert leaks.played(settings) == 3
    assert leaks.examples(settings) == []


def test_a_list_of_secrets_is_masked_as_a_whole():
    raw = item("\n".join(f"ghp_{number:036d}" for number in range(leaks.ITEM_HITS_MAX + 1)))
    (leak,) = made().scan(raw, KEY)
    assert leak.kind == leaks.OVERFLOW
    assert json.loads(leaks.edited(raw, [leak]))["content"] == leak.mask.decode()


def test_text_without_a_candidate_costs_one_pass():
    raw = item("plain words of a log\n" * 50_000)
    detectors = made()
    detectors.scan(raw, KEY)
    begun = time.perf_counter()
    detectors.scan(raw, KEY)
    assert time.perf_counter() - begun < 0.5  # 2 ms where nothing else runs


def test_what_a_model_is_only_to_look_at():
    raw = json.dumps({"kind": "x", "result": f"a {TOKEN}", "id": CARD}).encode()
    detectors = made(secrets={"cloud": "mask", "frontier": "deny"}, kinds={"card": "off"})
    told = json.loads(detectors.cleaned(raw, MID, KEY))
    assert told["result"].startswith("a [secret:github_token:")
    assert told["id"] == CARD
    assert TOKEN.encode() not in detectors.cleaned(raw, TOP, KEY)
    assert detectors.cleaned(raw, OWN, KEY) == raw
