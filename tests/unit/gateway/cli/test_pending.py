from classifiers.training.approve.generate import raw_call
from gateway.cli import _pending


def test_training_reads_calls_as_the_gateway_does():
    call = _pending.read(raw_call("git push origin main"), True)
    assert call is not None
    assert (call.parts[0].key, call.tainted) == ("git push", True)
    assert "publish" in call.effects
    assert _pending.read(raw_call("rm $X"), False) is None
    assert _pending.read(raw_call('@mcp jira create_issue {"project": "AB"}'), False).server == "jira"
    edit = _pending.read(raw_call("@Edit src/a.ts"), False)
    assert [spot.where for spot in edit.writes] == ["in"]
