"""Secrets are found, dummies are not; masks are stable."""

import time

import pytest

from policies.model import Redact
from policies.secrets import PATTERNS, action, entropy_bits, find, luhn, mask, masked, team

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


@pytest.mark.parametrize("kind", [*PATTERNS, "card"])
def test_every_kind_is_found_inside_text(kind):
    text = f"before ü {SAMPLES[kind]} after"
    hits = find(text)
    assert [hit.kind for hit in hits] == [kind]
    assert text[hits[0].start : hits[0].end] == hits[0].value
    assert hits[0].value not in masked(text, hits, b"k")


@pytest.mark.parametrize(
    "text",
    [
        "password=changeme123456",
        "password = os.environ['DB_PASSWORD_2']",
        "token: ${GITHUB_TOKEN_123}",
        "secret = somethingwithoutdigits",
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "postgres://user:$PASSWORD@db/x",
        "commit 1f3a5c7e9b1f3a5c7e9b1f3a5c7e9b1f3a5c7e9b",
        "skip-this-very-long-hyphenated-identifier-name",
        "https://example.com/a/b",
    ],
)
def test_what_is_none(text):
    assert find(text) == []


def test_masks_are_stable_per_key():
    hit = find(SAMPLES["github_token"])[0]
    assert mask(hit, b"k") == mask(hit, b"k")
    assert mask(hit, b"k") != mask(hit, b"other")
    spaced, dense = find("4111 1111 1111 1111")[0], find("4111111111111111")[0]
    assert mask(spaced, b"k") == mask(dense, b"k")


def test_masking_twice_changes_nothing():
    text = masked(SAMPLES["github_token"], find(SAMPLES["github_token"]), b"k")
    assert find(text) == []


def test_allowed_values():
    assert find(SAMPLES["github_token"], allow=[SAMPLES["github_token"]]) == []


def test_team_words():
    words = team(
        Redact.model_validate({"teams": [{"words": ["Blue Bird", "x+y"], "action": "deny", "name": "codename"}]})
    )
    hits = find("the blue BIRD, bluebirds, x+y", words)
    assert [(hit.kind, hit.value, hit.action) for hit in hits] == [
        ("codename", "blue BIRD", "deny"),
        ("codename", "x+y", "deny"),
    ]
    assert masked("blue bird", find("blue bird", words), b"k") == "blue bird"


def test_the_strictest_action_holds():
    secret = find(SAMPLES["github_token"])
    assert action(Redact(), []) is None
    assert action(Redact(), secret) == "mask"
    assert action(Redact(secrets="local"), secret) == "local"
    assert action(Redact(secrets="off"), secret) is None
    words = team(Redact.model_validate({"teams": [{"words": "w", "action": "ask"}]}))
    assert action(Redact(), [*secret, *find("w", words)]) == "ask"


def test_numbers():
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert entropy_bits("aaaa") == 0
    assert entropy_bits("abcd") == 2
    assert entropy_bits("") == 0


def test_long_text_in_linear_time():
    begun = time.perf_counter()
    find("a" * 1_000_000)
    find("eyJ" * 100_000)
    find("-----BEGIN PRIVATE " + "KEY-----" + "x" * 1_000_000)
    find("token=" * 50_000)
    assert time.perf_counter() - begun < 20
