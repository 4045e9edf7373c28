"""The same schedules under a policy that refuses some of the calls, in each form of a refusal.

What a client then sees is not what the vendor said, so the promises that compare the two are told apart (`AS_SAID`). All others hold
as they are; and no call that was not allowed ever reaches a client whole, whatever breaks around it.
"""

import os
import re

import pytest

from tests.faults import readers, stage
from tests.faults.schedule import config, make
from tests.support.gateways import loaded

FIRST = int(os.environ.get("FAULTS_FIRST", "0"))
COUNT = max(1, int(os.environ.get("FAULTS_N", "2000")) // 20)
BLOCK = 50

POLICY = """\
version: 1
rules:
  all:
    - {{id: second, deny: {{tool: write, writes: "**/*c1.py"}}, refusal: {form}, message: one file at a time}}
    - {{id: odd, ask: {{tool: write, writes: "**/a*[13579]c0.py"}}, refusal: {form}, message: somebody looks at odd ones}}
    - {{id: writes, allow: {{tool: write, writes: "**"}}}}
"""
KEPT_BACK = re.compile(r"c1\.py|a\d*[13579]c0\.py")
AS_SAID = (
    "text is missing or too much",
    "the text is not what was said",
    "other calls than were made",
    "was never made",
    "was released with",
    "began with other arguments",
    "a good answer",
    "a second answer after content",
    "tokens are booked for",
    "output tokens are booked, the vendor reported",
    "ended well",
    "its client left, and it is booked as",  # refused before it left, perhaps
)


@pytest.mark.parametrize("form", ["text", "shim", "retry", "error"])
@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, BLOCK))
def test_what_is_not_allowed_reaches_nobody(start, form, monkeypatch, tmp_path):
    file = tmp_path / "refusing.yaml"
    file.write_text(POLICY.format(form=form))
    origins = {name: f"http://{host}:80" for name, host in stage.HOSTS.items()}
    whole = loaded(config(origins, policies=[str(file)]))
    monkeypatch.setattr(stage, "_loaded", lambda: whole)
    refused = released = 0
    for seed in range(start, start + BLOCK):
        run = stage.run(make(seed))
        found = [problem for problem in run.problems if not any(words in problem for words in AS_SAID)]
        assert found == [], f"seed {seed}: {found}"
        for told in run.told:
            ask, ended = told.ask, told.over and not told.cut
            seen = readers.read(ask.dialect, ask.stream, told.status, told.kind, told.data, whole=ended)
            kept = [call.arguments for call in seen.calls if KEPT_BACK.search(call.arguments)]
            assert kept == [], f"seed {seed}, ask {ask.index}: {kept} reached the client"
            released += sum(call.whole for call in seen.calls)
            refused += "[interlock]" in told.data.decode("utf-8", "replace")
    assert released > 0
    assert refused > 0
