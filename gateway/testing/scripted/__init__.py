"""A scripted model vendor: the stage on which the gateway is tested with real clients.

Speaks chat completions, Responses and Messages, whole and streamed; can fail in every way that was seen in the field,
and can be as strict as the real vendors. Shares no code with `gateway.dialects`, on purpose: it is their oracle.

    async with ScriptedServer(fault="cut", profile="anthropic") as server:   # a real socket
        server.origin, server.requests
    upstream = ScriptedUpstream(turns=[call("bash", command="ls"), say("done")])  # the `Upstream` port, in process
"""

from gateway.testing.scripted.asked import Asked
from gateway.testing.scripted.behaviour import Task
from gateway.testing.scripted.faults import FAULTS, Fault, sensible
from gateway.testing.scripted.model import Recorded, ScriptedModel
from gateway.testing.scripted.server import ScriptedServer
from gateway.testing.scripted.turns import (
    DIALECTS,
    PROFILES,
    Call,
    Refusal,
    Text,
    Thinking,
    Tokens,
    Turn,
    call,
    say,
)
from gateway.testing.scripted.upstream import ScriptedUpstream

__all__ = [
    "DIALECTS",
    "FAULTS",
    "PROFILES",
    "Asked",
    "Call",
    "Fault",
    "Recorded",
    "Refusal",
    "ScriptedModel",
    "ScriptedServer",
    "ScriptedUpstream",
    "Task",
    "Text",
    "Thinking",
    "Tokens",
    "Turn",
    "call",
    "say",
    "sensible",
]
