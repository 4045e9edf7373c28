"""Secrets are found, dummies are not; masks are stable."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from policies.secrets import (
    KINDS,
    MASK,
    entropy_bits,
    find,
    kinds_in,
    luhn,
    mask,
    masked,
    masks_in,
    may_hide,
    may_hold,
)

ROOT = Path(__file__).parents[3]

# Put together here, so that no scanner takes this file for a leak.
SAMPLES = {
    "aws_access_key": "AKIA" + "ABCDEFGHIJ234567",
    "aws_secret_key": "aws_secret_access_key = " + "aB3/" * 10,
    "github_token": "ghp_" + "a1B2" * 9,
    "gitlab_token": "glpat-" + "a1B2" * 5,
    "slack_token": "xoxb-" + "123456789012-abcdef",
    "slack_webhook": "https://hooks.slack.com/services/" + "T0000000/B000000/" + "a1B2" * 6,
    "stripe_key": "sk_live_" + "a1B2" * 6,
    "anthropic_key": "sk-ant-" + "api03-" + "a1B2" * 8,
    "openai_key": "sk-proj-" + "a1B2" * 10,
    "google_key": "AIza" + "a1B2_" * 7,
    "google_oauth": "ya29." + "a1B2" * 8,
    "huggingface_token": "hf_" + "aBcD" * 9,
    "npm_token": "npm_" + "a1B2" * 9,
    "pypi_token": "pypi-AgE" + "a1B2" * 15,
    "sendgrid_key": "SG." + "a1B2" * 5 + "." + "c3D4" * 10,
    "digitalocean_token": "dop_v1_" + "a1b2" * 16,
    "telegram_token": "123456789:AA" + "a1B" * 11,
    "azure_key": "AccountKey=" + "a1B2" * 20 + "==",
    "age_key": "AGE-SECRET-KEY-1" + "A1" * 29,
    "interlock_key": "ilk_" + "a1B2" * 10 + "abc",
    "jwt": "eyJ" + "hbGciOiJI" + ".eyJ" + "zdWIiOiIx" + "." + "a1B2" * 8,
    "bearer_token": "Authorization: Bearer " + "a1B2c3" * 5,
    "url_password": "postgres://user:" + "hunter22" + "@db/x",
    "assigned_secret": 'password = "' + "Zx81kq0PaLm29" + '"',
    "private_key": "-----BEGIN RSA PRIVATE " + "KEY-----\nabc\n-----END RSA PRIVATE " + "KEY-----",
    "card": "4111 1111 1111 1111",
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_found_inside_text(kind):
    text = f"before ü {SAMPLES[kind]} after"
    hits = find(text)
    assert [hit.kind for hit in hits] == [kind]
    assert text[hits[0].start : hits[0].end] == hits[0].value
    assert hits[0].value not in masked(text, b"k")


@pytest.mark.parametrize("around", ["\n{}\n", "\t{}", "x\x1b[31m{}\x1b[0m", "({})", "'{}'", '"{}"'])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nesting_and_colours_hide_nothing(kind, around):
    """JSON in JSON, and what a terminal coloured: found in the text, and by the pass over the raw JSON around it."""
    text = around.format(SAMPLES[kind])
    inner = json.dumps({"x": text})
    for level in (text, inner, json.dumps({"content": inner})):
        assert kind in kinds_in(level.encode())
    assert kind in [hit.kind for hit in find(inner)]
    assert SAMPLES[kind] not in masked(inner, b"k")


@pytest.mark.parametrize(
    "text",
    [
        "password=changeme123456",
        "password = os.environ['DB_PASSWORD_2']",
        "token: ${GITHUB_TOKEN_123}",
        "secret = somethingwithoutdigits",
        "token = parse_token2(text)",
        "api_key = config.openai_key1",
        "secret=compute_hmac256(value)",
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "0.4111111111111111",
        "https://web.archive.org/web/20100314204946/",
        "snowflake 4220315081820346526",
        "order-4111111111111111-x",
        "postgres://user:$PASSWORD@db/x",
        "commit 1f3a5c7e9b1f3a5c7e9b1f3a5c7e9b1f3a5c7e9b",
        "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "id: 0b54cf4a-7c32-4b70-9a4f-2a9d2f7f3c11",
        '"integrity": "sha512-n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=="',
        "--hash=sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "skip-this-very-long-hyphenated-identifier-name",
        "https://example.com/a/b",
        "max_tokens: 123456789012",
    ],
)
def test_what_is_none(text):
    assert find(text) == []


def test_few_false_alarms_in_this_repository():
    """Sources, locks and fixtures: what is found is meant to be found (addresses with passwords, sample cards, keys of
    tests). Hashes, identifiers and code are not."""
    listed = subprocess.run(["git", "ls-files", "*.py", "*.lock", "*.txt", "*.toml", "*.yaml", "*.json", "*.md"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()  # fmt: skip
    assert len(listed) > 500
    found: list[tuple[str, str]] = []
    size = 0
    for name in listed:
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        size += len(text)
        found += [(name, hit.value) for hit in find(text)]
    assert [hit for hit in found if not hit[0].startswith("tests/")] == []
    assert len(found) < 40, found
    assert size > 3_000_000


def test_masks_are_stable_per_key():
    token = SAMPLES["github_token"]
    assert mask("github_token", token, b"k") == mask("github_token", token, b"k")
    assert mask("github_token", token, b"k") != mask("github_token", token, b"other")
    assert mask("github_token", token, b"k") != mask("npm_token", token, b"k")
    assert MASK.fullmatch(mask("github_token", token, b"k"))
    assert mask("card", "4111 1111 1111 1111", b"k") == mask("card", "4111111111111111", b"k")
    pem = "-----BEGIN X-----\nabc\nd=\n-----END X-----"
    assert mask("private_key", pem, b"k") == mask("private_key", pem.replace("\n", "\\n"), b"k")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_masking_twice_changes_nothing(kind):
    text = masked(f'token = "{SAMPLES[kind]}"', b"k")
    assert find(text) == []
    assert masked(text, b"k") == text
    assert len(masks_in(text)) == 1


@pytest.mark.parametrize("cut", ["", "a1B2", "9", "-", "\\", "/", '"'])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_looking_at_many_texts_at_once_misses_none_of_one(kind, cut):
    for text in (SAMPLES[kind] + cut, cut + SAMPLES[kind]):
        for texts in ((text,), ("x", text, "y"), ("", text)):
            assert may_hold(texts) or not find(text)
    assert may_hold(("one", SAMPLES[kind], "two"))


def test_texts_without_one_are_told_at_once():
    assert not may_hold(("ls -la", "rule read-files: allowed", "/repo/src/token.py"))
    assert not may_hold(())


def test_allowed_values():
    assert find(SAMPLES["github_token"], allow=[SAMPLES["github_token"]]) == []


def test_what_raw_json_may_hide():
    assert may_hide(b'"a\\/b"')
    assert may_hide(b'"\\u0041KIA"')
    assert not may_hide(b'"a/b \\n \\u00e9 \\u001b[0m \\u4e2d"')


def test_text_that_is_not_unicode_is_no_error():
    assert [hit.kind for hit in find("\ud800 " + SAMPLES["github_token"])] == ["github_token"]


@pytest.mark.parametrize("number", ["5555555555554444", "2223003122003222", "3782-822463-10005", "6011 1111 1111 1117"])
def test_cards_of_all_houses(number):
    assert [hit.kind for hit in find(f"card {number}, valid")] == ["card"]


def test_numbers():
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert entropy_bits("aaaa") == 0
    assert entropy_bits("abcd") == 2
    assert entropy_bits("") == 0


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "eyJ" * 300_000,
        "-----BEGIN PRIVATE " + "KEY-----" + "x" * 1_000_000,
        ("-----BEGIN PRIVATE " + "KEY-----") * 30_000,
        "token=" * 150_000,
        "token = a.a_" * 80_000,
        "1234 " * 200_000,
        "a://b:" * 150_000,
        "\\" * 1_000_000,
    ],
)
def test_a_megabyte_of_bait_takes_linear_time(text):
    begun = time.perf_counter()
    find(text)
    whole = time.perf_counter() - begun
    assert whole < 8, whole
