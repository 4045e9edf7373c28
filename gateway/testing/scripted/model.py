"""The scripted vendor: one request in, one planned answer out. No sockets and no clock; both fronts sit on it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from gateway.testing.scripted import behaviour, chat, extras, messages, responses, sse, strict, strict_anthropic
from gateway.testing.scripted.asked import Asked, read
from gateway.testing.scripted.faults import FAULTS, Chosen, parse, sensible
from gateway.testing.scripted.memory import Memory, dump
from gateway.testing.scripted.turns import Answer, Call, Cut, Dialect, Part, Profile, Text, Thinking, Turn
from gateway.testing.scripted.vendor_errors import Complaint, answer, html_502, id_header, of_fault

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
Script: TypeAlias = Turn | Callable[[Asked], "Turn | None"]

_RENDER = {"chat": chat, "responses": responses, "messages": messages}
_PATHS: dict[str, Dialect] = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages"}


@dataclass(slots=True)
class Recorded:
    """One request as it arrived. `reply`: what was said (the turn's label, or `error`); `fault`: the one applied.

    `aborted`: the caller left before the whole answer was out."""

    number: int
    method: str
    target: str
    headers: Headers
    body: bytes
    json: Any = None
    dialect: Dialect | None = None
    reply: str = ""
    fault: str = ""
    status: int = 0
    complaint: str = ""
    aborted: bool = False

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)


@dataclass(slots=True)
class ScriptedModel:
    """A vendor with a script.

    `turns` are said in order to requests that are neither refused nor counted; after them the model behaves by itself
    (`behaviour`). A turn may be a function of the request; one that returns None leaves it to the behaviour. `fault`
    (see `faults.FAULTS`, `name` or `name:number`) strikes the first `fault_times` requests (-1: every one) of kind
    `fault_on`: `work` (a turn on the task, before any tool result), `result` (after one) or `any`. By default an accident
    strikes once, at work; a habit (`Fault.lasting`) strikes every answer.
    `profile` other than `plain` makes the vendor strict, and gives it its habits. `api_key`: the only one accepted.
    """

    profile: Profile = "plain"
    fault: str | None = None
    fault_times: int | None = None
    fault_on: Literal["work", "result", "any"] | None = None
    turns: Iterable[Script] = ()
    task: behaviour.Task = field(default_factory=behaviour.Task)
    models: Sequence[str] = ("scripted-large", "scripted-small")
    api_key: str | None = None
    pause_s: float = 0.0
    memory: Memory = field(default_factory=Memory)
    requests: list[Recorded] = field(default_factory=list)
    _queue: deque[Script] = field(default_factory=deque, init=False, repr=False)
    _struck: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        parse(self.fault)
        self._queue.extend(self.turns)

    def say_next(self, *turns: Script) -> None:
        """Add turns to the script."""
        self._queue.extend(turns)

    def answer(self, method: str, target: str, headers: Headers, body: bytes) -> tuple[Answer, Recorded]:
        """Plan the answer to one request, and record it."""
        record = Recorded(len(self.requests) + 1, method.upper(), target, headers, body)
        self.requests.append(record)
        planned = self._answer(record)
        record.status = planned.status
        record.reply = record.reply or ("error" if planned.status >= 400 else "ok")
        return planned, record

    @property
    def work(self) -> list[Recorded]:
        """The requests that were inference, without counts, lists and probes."""
        return [record for record in self.requests if record.dialect is not None]

    # --- one request ------------------------------------------------------------------------------------------

    def _answer(self, record: Recorded) -> Answer:
        path = record.path.rstrip("/")
        dialect = next((name for end, name in _PATHS.items() if path.endswith(end)), None)
        if record.method != "POST":
            return extras.other(record.method, path, self.models)
        try:
            record.json = json.loads(record.body)
        except ValueError:
            return self._refuse(
                record, dialect or "chat", Complaint("We could not parse the JSON body of your request.")
            )
        if self.api_key is not None and not self._authorised(record, dialect):
            return self._refuse(record, dialect or "chat", _UNAUTHORISED[dialect == "messages"])
        if not isinstance(record.json, dict):
            return self._refuse(record, dialect or "chat", Complaint("The body of your request is not a JSON object."))
        if path.endswith(("/count_tokens", "/input_tokens")):
            return self._count(record, path)
        if dialect is None:
            return extras.posted(path, record.json, self.memory)
        record.dialect = dialect
        return self._infer(record, read(dialect, record.json))

    def _authorised(self, record: Recorded, dialect: Dialect | None) -> bool:
        """Anthropic itself takes `x-api-key` (or a bearer token); everyone else a bearer token only."""
        bearer = record.header("authorization") == f"Bearer {self.api_key}"
        return bearer or (dialect in ("messages", None) and record.header("x-api-key") == self.api_key)

    def _refuse(self, record: Recorded, dialect: Dialect, complaint: Complaint) -> Answer:
        record.complaint = complaint.message
        return answer(complaint, dialect, self.profile, self.memory)

    def _count(self, record: Recorded, path: str) -> Answer:
        counted: Dialect = "messages" if path.endswith("/count_tokens") else "responses"
        if (
            counted == "messages"
            and self.profile == "anthropic"
            and (found := strict_anthropic.count_complaint(record.json))
        ):
            return self._refuse(record, counted, found)
        total, _, _ = Memory().read(read(counted, record.json), marks_needed=True)
        record.reply = "count_tokens"
        return extras.json_answer(
            {"input_tokens": total, **({"object": "response.input_tokens"} if counted == "responses" else {})}
        )

    def _infer(self, record: Recorded, asked: Asked) -> Answer:
        if complaint := strict.complaint(asked, record.headers, self.memory, self.profile):
            return self._refuse(record, asked.dialect, complaint)
        fault = self._fault_for(asked)
        turn = self._turn_for(asked)
        if turn.fault is not None:
            fault = parse(turn.fault)
        record.fault = fault.name
        if fault.is_("html502"):
            return html_502()
        if complaint := of_fault(fault, asked.dialect):
            if turn.label in ("scripted",):
                self._queue.appendleft(turn)  # a refused request has not been answered: the turn is still to come
            return self._refuse(record, asked.dialect, complaint)
        turn = self._resolved(asked, behaviour.with_fault(turn, fault, asked))
        record.reply = turn.label
        return self._render(asked, turn, fault)

    def _fault_for(self, asked: Asked) -> Chosen:
        chosen = parse(self.fault)
        if not chosen or not sensible(chosen.name, asked.dialect):
            return Chosen()
        lasting = FAULTS[chosen.name].lasting
        times = self.fault_times if self.fault_times is not None else -1 if lasting else 1
        wanted = self.fault_on or ("any" if lasting else "work")
        if 0 <= times <= self._struck:
            return Chosen()
        kind = "work" if behaviour.works(asked) else "result" if asked.has_result else "other"
        if wanted not in ("any", kind):
            return Chosen()
        self._struck += 1
        return chosen

    def _turn_for(self, asked: Asked) -> Turn:
        while self._queue:
            script = self._queue.popleft()
            turn = script if isinstance(script, Turn) else script(asked)
            if turn is not None:
                return turn
            break
        return behaviour.decide(asked, self.task, self.profile)

    def _resolved(self, asked: Asked, turn: Turn) -> Turn:
        """The turn with ids and token figures filled in; what was minted is remembered."""
        prefix = "toolu_01" if asked.dialect == "messages" else "call_"
        parts: list[Part] = []
        thought = "".join(part.text for part in turn.parts if isinstance(part, Thinking))
        for part in turn.parts:
            if isinstance(part, Call) and part.id is None:
                part = replace(part, id=self.memory.mint(prefix))
            if isinstance(part, Call) and part.id and thought:
                self.memory.reasoning[part.id] = thought
            parts.append(part)
        said = "".join(part.text for part in parts if isinstance(part, Text)) + "".join(
            part.arguments_text for part in parts if isinstance(part, Call)
        )
        marks_needed = asked.dialect == "messages"
        tokens = self.memory.tokens(asked, said, thought, marks_needed=marks_needed)
        return replace(turn, parts=tuple(parts), tokens=turn.tokens or tokens)

    def _render(self, asked: Asked, turn: Turn, fault: Chosen) -> Answer:
        own = (id_header(asked.dialect, self.memory.mint("req_")), *turn.headers)
        delay_s = fault.number if fault.is_("slow_headers") else 0.0
        stream = asked.stream and not fault.is_("ignore_stream")
        kind = b"text/event-stream; charset=utf-8" if stream else b"application/json"
        headers = ((b"content-type", kind), *own)
        if turn.raw is not None:
            return Answer(turn.status, headers, turn.raw, whole=not stream, delay_s=delay_s)
        tokens = turn.tokens
        assert tokens is not None  # _resolved has set them
        render = _RENDER[asked.dialect]
        if stream:
            events = render.stream(asked, turn, tokens, self.memory, self.profile, fault)
            plan = sse.steps(events, asked.dialect, fault, pause_s=self.pause_s)
            unframed = fault.is_("cut_unframed")
            return Answer(turn.status, headers, plan, whole=False, delay_s=delay_s, unframed=unframed)
        body = render.whole(asked, turn, tokens, self.memory, self.profile, fault)
        if fault.is_("hang", "stall"):
            delay_s = fault.number
        if fault.is_("midstream_error"):
            complaint = Complaint("The server had an error while processing your request", 500, "server_error")
            return answer(complaint, asked.dialect, self.profile, self.memory)
        if fault.is_("cut", "cut_early", "cut_after_call", "cut_unframed", "garbage_event"):
            head = b"" if fault.is_("cut_early") else body[: len(body) // 2]
            ending = () if fault.is_("garbage_event") else (Cut(),)
            return Answer(turn.status, headers, (head, *ending), whole=True, delay_s=delay_s)
        return Answer(turn.status, headers, (body,), whole=True, delay_s=delay_s)


_UNAUTHORISED = {
    False: Complaint("Incorrect API key provided.", 401, "invalid_request_error", "invalid_api_key"),
    True: Complaint("invalid x-api-key", 401, "authentication_error"),
}

__all__ = ["FAULTS", "Headers", "Recorded", "Script", "ScriptedModel", "dump"]
