"""The policy language as settings: every key, its type, its default and what it means. Knows nothing of calls.

docs/reference/policies.md is made of these descriptions. A scalar stands for a list of one wherever a list is accepted.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from policies.facts import Effect, Kind
from policies.verdict import Decision, Mode

Refusal = Literal["text", "shim", "retry", "error"]
AskForm = Literal["ticket", "hold", "delegate"]
Region = Literal["workspace", "temp", "home", "any"]
Lane = Literal["local", "mid", "frontier", "daemon"]
Source = Literal["web", "mcp", "issue", "outside"]
Point = Literal[
    "session_start",
    "request",
    "pre_route",
    "post_route",
    "pre_upstream",
    "pre_tool_use",
    "post_tool_use",
    "permission_request",
    "permission_decided",
    "response",
    "stop",
    "compaction",
    "error",
    "reload",
]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float | bool) else value


def _as_matchers(value: Any) -> Any:
    """`any: {reads: x, writes: y}` is the list of its single keys: any of them, or all of them."""
    return [{key: entry} for key, entry in value.items()] if isinstance(value, dict) else value


def _as_env(value: Any) -> Any:
    return dict.fromkeys(_as_list(value), "*") if isinstance(value, str | list) else value


def _as_test(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    return {"glob": _as_list(value)}


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Strict(BaseModel):
    """Frozen; a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ArgTest(Strict):
    """One test of an argument's value."""

    glob: Names = Field(default=(), description="Word globs; `*` matches anything.")
    regex: str | None = Field(
        default=None, description="RE2 expression that is searched for (no look-around, no back-references)."
    )


class Mcp(Strict):
    """An MCP tool by its server and its own name."""

    server: Names = Field(default=("*",), description="Globs of server names.")
    tool: Names = Field(default=("*",), description="Globs of tool names, without the server.")


class Matcher(Strict):
    """All keys must hold. In a rule that denies or asks, one value that fits is enough; in a rule that allows, every
    value must fit, and the call may do nothing the rule does not name (see `effects`, `writes`, `hosts`, `env`)."""

    tool: Names | None = Field(
        default=None, description="Kind of tool (shell, read, write, …) or a glob of tool names."
    )
    program: Names | None = Field(default=None, description="Program of a command, wrappers taken off; globs.")
    subcommand: Names | None = Field(
        default=None, description="First operand of programs that have subcommands (`git push`)."
    )
    flags: Names | None = Field(default=None, description="At least one of these flags stands in the command; globs.")
    no_flags: Names | None = Field(default=None, description="None of these flags stands in the command; globs.")
    only_flags: Names | None = Field(
        default=None, description="No other flag stands in the command; globs. `[]`: none."
    )
    operands: Names | None = Field(
        default=None, description="Words that are neither program, subcommand nor flag; globs."
    )
    reads: Names | None = Field(default=None, description="Path globs of what is read.")
    writes: Names | None = Field(
        default=None,
        description="Path globs of what is written, or places as in paths_in. An allow rule for a command covers no "
        "write (no redirection either) that it does not name by `writes` or `paths`.",
    )
    paths: Names | None = Field(default=None, description="Path globs of what is read or written.")
    paths_in: Names | None = Field(
        default=None,
        description="All (allow) or any (ask, deny) paths lie in: workspace, temp, home, any, or a path glob. Covers what "
        "a command reads, and what the tools that write files write.",
    )
    hosts: Names | None = Field(default=None, description="Globs of host names that are contacted.")
    hosts_in: Names | None = Field(default=None, description="The same, for a list from vars (`$hosts_ok`).")
    effects: tuple[Effect, ...] | None = Field(
        default=None,
        description="Ask, deny: one of these effects. Allow: the effects that are covered; others are not.",
    )
    env: dict[str, str] | None = Field(
        default=None,
        description="Variables set for the command, name glob to value glob. An allow rule covers no others.",
    )
    args: dict[str, ArgTest] | None = Field(
        default=None, description="JSON path in the arguments to glob, list or {regex: …}."
    )
    mcp: Mcp | None = Field(default=None, description="An MCP server and tool.")
    unknown: bool | None = Field(default=None, description="Whether a part of the call could not be read.")
    masked: bool | None = Field(default=None, description="Whether the call holds a mask (see `redact`).")
    any: tuple[Matcher, ...] | None = Field(default=None, description="At least one of these.")
    all: tuple[Matcher, ...] | None = Field(default=None, description="Each of these, in one command or several.")
    not_: Matcher | None = Field(default=None, alias="not", description="This does not hold.")
    except_: Matcher | None = Field(
        default=None, alias="except", description="Values of this are left out before the rest is looked at."
    )


# Normalising before pydantic sees it keeps error paths free of union members.
def _as_matcher(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    out = dict(value)
    for key in ("any", "all"):
        if key in out:
            out[key] = [_as_matcher(entry) for entry in _as_matchers(out[key])] if out[key] else out[key]
    for key in ("not", "except"):
        if key in out:
            out[key] = _as_matcher(out[key])
    if isinstance(out.get("effects"), str):
        out["effects"] = [out["effects"]]
    if "env" in out:
        out["env"] = _as_env(out["env"])
    if isinstance(out.get("args"), dict):
        out["args"] = {name: _as_test(test) for name, test in out["args"].items()}
    if isinstance(out.get("mcp"), str):
        out["mcp"] = {"server": out["mcp"]}
    return out


Match = Annotated[Matcher, BeforeValidator(_as_matcher)]


class Example(Strict):
    """A call for `match` and `not_match`: a plain string is a shell command."""

    tool: str = "bash"
    arguments: dict[str, Any] = Field(default_factory=dict)
    cwd: str | None = None


def _as_example(value: Any) -> Any:
    return {"arguments": {"command": value}} if isinstance(value, str) else value


Examples = Annotated[
    tuple[Annotated[Example, BeforeValidator(_as_example)], ...],
    BeforeValidator(lambda v: [v] if isinstance(v, str) else v),
]


class Rule(Strict):
    """Exactly one of allow, ask and deny."""

    id: str = Field(
        description="Shown in refusals and in the audit log; unique.", pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,99}$"
    )
    allow: Match | None = Field(default=None, description="Calls that may run. Weakest: any ask or deny wins.")
    ask: Match | None = Field(default=None, description="Calls that need an approval.")
    deny: Match | None = Field(default=None, description="Calls that never run.")
    when: str | None = Field(
        default=None, description="CEL over session, caller, call, shell, now; looked at only after the matcher fits."
    )
    message: str = Field(default="", description="Reason for the human and the model.", max_length=500)
    alternative: str = Field(default="", description="What would be allowed instead.", max_length=500)
    floor: bool = Field(
        default=False, description="No mode, hook, classifier or grant of a wider rule may lift this rule's ask."
    )
    refusal: Refusal | None = Field(default=None, description="How a refusal by this rule reaches the harness.")
    ask_form: AskForm | None = Field(default=None, description="How this rule asks: ticket, hold or delegate.")
    ask_timeout_s: float | None = Field(default=None, gt=0, le=3600, description="Seconds a held call waits.")
    match: Examples = Field(
        default=(), description="Calls that this rule must match; checked when the policy is loaded."
    )
    not_match: Examples = Field(default=(), description="Calls that this rule must not match.")


class RuleSet(Strict):
    """Rules with their owners. A plain list of rules is a rule set without."""

    rules: tuple[Rule, ...] = Field(default=(), description="The rules; order does not matter.")
    owners: Names = Field(default=(), description="Who answers for this set.")
    signed: Literal["required"] | None = Field(
        default=None, description="The set is used only when its signature by one of its owners verifies."
    )


class Defaults(Strict):
    """What holds where nothing else is said."""

    decision: Decision = Field(default="ask", description="For a call that no rule matches.")
    mode: Mode = Field(default="manual", description="Mode of profiles that name none.")
    on_parse_error: Literal["ask", "deny"] = Field(
        default="ask", description="For a call with a part that could not be read."
    )
    on_timeout: Literal["ask", "deny"] = Field(
        default="ask",
        description="When a verdict takes too long: ask makes a ticket. A call that never became complete (too large, too "
        "slow) is refused in any case: nobody could be shown what it is.",
    )
    ask: AskForm = Field(default="ticket", description="How to ask.")
    ask_timeout_s: float = Field(
        default=120, gt=0, le=3600, description="Seconds a held call waits before it becomes a ticket."
    )
    ticket_ttl_s: float = Field(default=3600, gt=0, le=604800, description="Seconds a grant lasts.")
    ticket_uses: int = Field(default=1, ge=1, le=1000, description="Calls a grant covers.")
    refusal: dict[str, Refusal] = Field(
        default_factory=dict, description="Form of a refusal per harness; `*` for all others. Empty: the shipped table."
    )
    unknown_tool: Literal["ask", "deny"] = Field(
        default="deny", description="For a tool that the request did not offer."
    )
    bypass: Literal["allowed", "forbidden"] = Field(
        default="forbidden", description="Whether a profile may use the mode bypass."
    )


class Workspace(Strict):
    """Where the agent works."""

    roots: Names = Field(
        default=(), description="Absolute folders. Empty: the working directory that the harness reports."
    )
    from_client: bool = Field(default=True, description="Use the reported directory as hint; it never widens `roots`.")


class ToolEntry(Strict):
    """Tools of one kind, beside those that are shipped."""

    names: Names = Field(description="Exact names, as the request offers them.")
    arg: Names = Field(default=(), description="Arguments that hold a command (text or a list of texts).")
    path_arg: Names = Field(default=(), description="Arguments that hold a path.")
    url_arg: Names = Field(default=(), description="Arguments that hold a URL.")
    cwd_arg: Names = Field(default=(), description="Arguments that hold the working directory.")


class ProfileMatch(Strict):
    """All keys must hold; each is a list of globs of which one must."""

    key: Names | None = Field(default=None, description="Id of the caller's key.")
    harness: Names | None = Field(default=None, description="Name of the harness.")
    tag: Names | None = Field(default=None, description="A tag of the session.")
    role: Names | None = Field(default=None, description="Name of the agent (sub-agent type).")
    subagent: bool | None = Field(default=None, description="Whether a sub-agent calls.")


class Profile(Strict):
    """Which rules and which mode hold for whom. `default` holds for all that no other profile matches."""

    match: ProfileMatch | None = Field(default=None, description="Who; the first profile that matches is used.")
    mode: Mode | None = Field(default=None, description="Mode; of `inherit`, else of `defaults`, when not given.")
    rules: Names | None = Field(default=None, description="Rule sets; all sets of the policy when not given.")
    inherit: str | None = Field(default=None, description="A profile whose rules are used as well.")
    narrow_only: bool = Field(default=False, description="May only be stricter than the profile it inherits from.")
    default: Decision | None = Field(default=None, description="Decision when no rule matches.")
    strip: Names = Field(
        default=(),
        description="Tools denied by name glob, and left out of the request before a model sees it: the same ones in "
        "every turn, so caches survive.",
    )
    strip_denied: bool = Field(
        default=False,
        description="Also leaves out what a rule of this profile denies whatever its arguments say: a deny of `tool` or "
        "`mcp` alone, without `when`.",
    )
    prompts: bool = Field(
        default=False,
        description="The harness of these callers asks its user before it runs a call. Only then `delegate` hands an ask "
        "to it; match such a profile by `key`, because a harness name is the client's own word.",
    )


class Protect(Strict):
    """What no agent may touch, beside the gateway's own files, ports and process, which are always protected."""

    paths: Names = Field(default=(), description="Path globs nobody writes through a tool.")
    hosts: Names = Field(default=(), description="Hosts (and host:port) nobody contacts through a tool.")


class Hook(Strict):
    """A program, an address or a model that is asked at a named point. Exactly one of command, http and model. What each
    point gives and takes is in the reference of hooks."""

    id: str = Field(
        default="",
        description="Name in refusals and in the audit log, unique; `hook-1` and so on when not given.",
        pattern=r"^(?:[A-Za-z0-9][A-Za-z0-9_./-]{0,99})?$",
    )
    on: Point = Field(description="The point.")
    tool: Names | None = Field(
        default=None, description="Kinds or name globs; only for the points that are about a tool call."
    )
    program: Names | None = Field(
        default=None,
        description="Globs of programs: only calls with such a command, or with a command that could not be read. For "
        "points that see a call's facts.",
    )
    command: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="Program and arguments; no shell. JSON on stdin."
    )
    env: Names = Field(
        default=(),
        description="Variables of the gateway that a command gets beside PATH, HOME, locale and certificates.",
    )
    http: str | None = Field(default=None, pattern=r"^https?://", description="Address that gets the JSON by POST.")
    model: str | None = Field(default=None, description="Name of a configured model that judges by `criteria`.")
    criteria: str = Field(default="", description="What the model judges by.", max_length=10_000)
    timeout_ms: int | None = Field(default=None, gt=0, le=120_000, description="Default 5000; 30000 for a model.")
    on_error: Literal["deny", "ask", "allow"] | None = Field(
        default=None,
        description="When it fails: default deny for points that decide, allow for points that only watch.",
    )
    may_rewrite: bool = Field(default=False, description="Whether it may replace the arguments; they are judged again.")
    lanes: tuple[Lane, ...] = Field(
        default=(), description="Lanes a hook at pre_route may narrow a request to, beside local."
    )
    tags: Names = Field(
        default=(), description="Tags a hook at pre_route may give a request; none that a profile asks for."
    )
    concurrency: int = Field(default=8, ge=1, le=256, description="Most runs at a time.")
    output_bytes: int = Field(default=65_536, ge=64, le=1_048_576, description="Most bytes of its answer.")


class DenyLimit(Strict):
    """After so many refusals a human must look."""

    consecutive: int = Field(default=3, ge=1, le=1000, description="Refusals in a row.")
    total: int = Field(default=20, ge=1, le=100_000, description="Refusals in a session.")


class AutoApprove(Strict):
    """A classifier may approve calls that are still at ask in mode auto."""

    model: Literal["builtin"] = Field(
        default="builtin", description="The one that ships, or one trained here. A model as judge is a hook."
    )
    threshold: float = Field(
        default=0.0, ge=0, le=1, description="Least score, where the classifier's own thresholds are lower."
    )
    thresholds: dict[Effect, float] = Field(default_factory=dict, description="The same per effect.")
    never: Names = Field(default=(), description="Rules whose asks it may not lift.")
    never_effects: tuple[Effect, ...] = Field(
        default=("privilege", "persistence", "secrets"), description="Effects that only a person approves."
    )
    deny_limit: DenyLimit = Field(default_factory=DenyLimit, description="When it stops and a human is asked.")


class Taint(Strict):
    """After a session has read text from outside, calls that carry text outward are judged more strictly."""

    enabled: bool = Field(default=True, description="Whether results are labelled and calls tightened.")
    sources: tuple[Source, ...] = Field(default=("web", "mcp", "issue", "outside"), description="Sources that taint.")
    tighten: tuple[Effect, ...] = Field(
        default=("network", "publish", "install", "persistence"),
        description="Effects that become stricter: allow to ask, ask to deny.",
    )
    repeat_chars: int = Field(
        default=24, ge=12, le=1000, description="Least characters of tainted text repeated in an argument."
    )
    ask_to_deny: bool = Field(default=True, description="Whether a tightened ask becomes a deny; else asks stay asks.")


def _as_actions(value: Any) -> Any:
    """`action: mask` is about cloud models."""
    return {"cloud": value} if isinstance(value, str) else value


LeakAction = Literal["mask", "ask", "deny", "local", "off"]
PublishAction = Literal["mask", "ask", "deny", "off"]
Where = Literal["cloud", "local", "mid", "frontier", "daemon", "own"]
Texts = Literal["results", "replies", "user"]
Actions = Annotated[dict[Where, LeakAction], BeforeValidator(_as_actions)]
DetectorName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
_ACTION = (
    "One action for all cloud models, or a mapping of `cloud`, a lane (of cloud models) and `own` (own servers) to actions. "
    "mask: replaced by a stable mask; ask: the request needs an approval; deny: it fails; local: from here on the session "
    "stays away from such models; off."
)


class Words(Strict):
    """Words of the team that must not leave, such as internal code names."""

    words: Names = Field(description="The words.", min_length=1)
    action: Actions = Field(default={"cloud": "mask"}, description=_ACTION)
    publish: PublishAction | None = Field(
        default=None,
        description="In a call that publishes; when not given, the action if that is ask or deny, else that of "
        "`redact.publish`.",
    )
    name: DetectorName = Field(default="word", description="Name in the mask.")
    case: Literal["ignore", "exact"] = Field(default="ignore", description="Whether capitals matter.")
    border: Literal["word", "none"] = Field(
        default="word",
        description="word: not inside a longer word (`acme_x`, `acme-x` and `AcmeX` hold `acme`, `acmes` does not); none: "
        "anywhere.",
    )
    match: Names = Field(default=(), description="Texts in which it must be found; checked when the policy is loaded.")
    not_match: Names = Field(default=(), description="Texts in which it must not be found.")


class LeakPattern(Strict):
    """What the team's own secrets and numbers look like."""

    name: DetectorName = Field(description="Name in the mask; unique.")
    regex: str = Field(
        description="RE2 expression that is searched for in each text; what leaks is its first group, else all of it.",
        max_length=1000,
    )
    action: Actions = Field(default={"cloud": "mask"}, description=_ACTION)
    publish: PublishAction | None = Field(default=None, description="As in `redact.teams[]`.")
    match: Names = Field(default=(), description="Texts in which it must be found; checked when the policy is loaded.")
    not_match: Names = Field(default=(), description="Texts in which it must not be found.")


class Redact(Strict):
    """Secrets and words of the team, before a model sees them, and in calls that publish."""

    secrets: Actions = Field(default={"cloud": "mask"}, description=_ACTION)
    kinds: dict[str, Actions] = Field(
        default_factory=dict, description="What differs for a class of secrets: its name to what `secrets` takes."
    )
    texts: tuple[Texts, ...] = Field(
        default=("results", "replies"),
        description="Where is looked: results of tools, replies of models in earlier turns (with the arguments of their "
        "calls), what the user says. Where a request offers no tools, the user's messages are the results.",
        min_length=1,
    )
    publish: PublishAction = Field(
        default="deny",
        description="A secret in a call that publishes or sends. mask: the call is rewritten and judged again.",
    )
    masked: Literal["ask", "deny", "off"] = Field(
        default="ask", description="A call that does more than read and holds a mask: the tool would get the mask."
    )
    teams: tuple[Words, ...] = Field(default=(), description="Words of the team.")
    patterns: tuple[LeakPattern, ...] = Field(default=(), description="What else must not leave.")
    allow: Names = Field(
        default=(), description="Values that look like secrets and are none (examples in documentation)."
    )


class PolicyFile(Strict):
    """One file."""

    version: Literal[1] = Field(description="Version of the language.")
    name: str = Field(default="", description="Name in messages.", max_length=100)
    description: str = Field(default="", description="For people.", max_length=2000)
    extends: Names = Field(
        default=(), description="Bundled policies this one builds on: read-only, safe-default, ci, strict."
    )
    defaults: Defaults = Field(default_factory=Defaults, description="What holds where nothing else is said.")
    workspace: Workspace = Field(default_factory=Workspace, description="Where the agent works.")
    vars: dict[str, Names] = Field(default_factory=dict, description="Lists that rules name by `$name`.")
    tools: dict[Kind, tuple[ToolEntry, ...]] = Field(
        default_factory=dict, description="Tools by kind, beside the shipped."
    )
    profiles: dict[str, Profile] = Field(default_factory=dict, description="Who gets which rules, in which mode.")
    rules: dict[str, RuleSet] = Field(default_factory=dict, description="Rule sets.")
    protect: Protect = Field(default_factory=Protect, description="What no agent may touch.")
    hooks: tuple[Hook, ...] = Field(default=(), description="Asked in this order.")
    auto_approve: AutoApprove | None = Field(default=None, description="The classifier of mode auto.")
    deny_limit: DenyLimit = Field(default_factory=DenyLimit, description="When refusals trip the breaker.")
    taint: Taint = Field(default_factory=Taint, description="Text from outside.")
    redact: Redact = Field(default_factory=Redact, description="Secrets and team words.")


def normalised(value: dict[str, Any]) -> dict[str, Any]:
    """Short forms made long at the top of a file: a rule set that is a list, a tool entry that is one mapping."""
    out = dict(value)
    if isinstance(out.get("rules"), dict):
        out["rules"] = {k: {"rules": v} if isinstance(v, list) else v for k, v in out["rules"].items()}
    if isinstance(out.get("tools"), dict):
        out["tools"] = {k: [v] if isinstance(v, dict) else v for k, v in out["tools"].items()}
    return out
