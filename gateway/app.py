"""Composition root: the only module that names concrete adapters. Builds the ports once, a runtime per configuration, and
the ASGI app around them; swaps the runtime on reload."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from classifiers.runtime import store
from gateway import __version__
from gateway.accounting.cost import Pricing
from gateway.adapters import policy_files
from gateway.adapters import secrets as secret_store
from gateway.adapters.approvals import Approval
from gateway.adapters.crew import POST_S, Crew
from gateway.adapters.health import MemoryHealth, SharedHealth
from gateway.adapters.hook_desk import HookDesk
from gateway.adapters.hook_model import ModelHooks
from gateway.adapters.hooks import HookRunner
from gateway.adapters.judging import Judging, guard_of
from gateway.adapters.judging import prepare as prepare_judging
from gateway.adapters.keys import SqliteKeys
from gateway.adapters.ledger import SqliteLedger
from gateway.adapters.ledger import prepare as prepare_ledger
from gateway.adapters.onnx_classifier import LearnedClassifier
from gateway.adapters.prices import ListPrices
from gateway.adapters.simulated import SimulatedUpstream
from gateway.adapters.state.behind import WriteBehindState
from gateway.adapters.state.memory import MemoryState
from gateway.adapters.state.sqlite import SqliteState, open_file
from gateway.adapters.stats import Stats
from gateway.adapters.system import SystemClock, SystemRandom
from gateway.adapters.tasks import TaskSet
from gateway.adapters.tokens import TiktokenCounter
from gateway.adapters.upstream import ChoosingUpstream, LeanUpstream, SchemeUpstream
from gateway.config.load import Loaded
from gateway.config.settings import Settings
from gateway.dialects import registry as dialects
from gateway.dialects.contract import Dialect
from gateway.endpoints import Endpoint, build
from gateway.errors import ConfigError, Headers
from gateway.http.back import Operations
from gateway.http.front import Front
from gateway.http.surfaces import SURFACES
from gateway.ir.exchange import LedgerRow, Seen
from gateway.pipeline.keeper import Keeper
from gateway.pipeline.leaks import Leaks
from gateway.pipeline.runtime import Ports, Runtime
from gateway.pipeline.serve import Pipeline, RawRequest
from gateway.ports import Caller, Clock, Random, Rates, StateStore, Upstream
from gateway.providers.registry import all_providers
from gateway.routing import table
from gateway.routing.breaker import Rules
from gateway.telemetry import LOG
from gateway.toolgate.values import DEFAULT_MANNER, Manner
from policies.compiled import Guard, Policy
from policies.hooks import payload
from policies.leaks import Target
from policies.model import Hook, Point
from policies.verdict import Caller as CallCaller

_log = logging.getLogger(LOG)

LAST_WORDS_S = 2.0
HOLD_MARGIN_S = 10.0
"""Of judging beside the wait for a person: parses, hooks, the store."""

CLASSIFIER = "classifier"
"""Folder of the state directory with a classifier trained here; it goes before the one that ships."""

Load = Callable[[], Awaitable[Loaded]]


def runtime_of(loaded: Loaded, generation: int, guard: Guard | None = None) -> tuple[Runtime, tuple[str, ...]]:
    """The runtime of a configuration and warnings about it (secrets that could not be read). `guard`: what the policies
    protect of this gateway. ConfigError."""
    settings = loaded.settings
    secrets, problems = secret_store.resolve(settings)
    found = {name: loaded.origin(("models", name)) for name in settings.models}
    endpoints = build(settings, all_providers(), secrets, found)
    pricing = {name: _pricing(name, endpoint, settings) for name, endpoint in endpoints.items()}
    routes = table.build(settings, endpoints)
    policy = policy_files.compiled(loaded, guard or Guard())
    runtime = Runtime(
        settings,
        routes,
        pricing,
        _baseline(settings, endpoints),
        generation,
        loaded.source,
        manner=_manner(policy),
        policy=policy,
        judged=policy is not None,
        hooks=policy.at if policy is not None and policy.at.on_requests else None,
        strips=policy is not None and policy.strips,
    )
    return runtime, (*loaded.warnings, *problems)


def _manner(policy: Policy | None) -> Manner:
    """A judge that may wait for a person gets the time for it."""
    if policy is None:
        return DEFAULT_MANNER
    asked = [policy.file.defaults.ask_timeout_s, *(rule.ask_timeout_s or 0.0 for rule in policy.rules.values())]
    return replace(DEFAULT_MANNER, judge_s=max(DEFAULT_MANNER.judge_s, max(asked) + HOLD_MARGIN_S))


def _pricing(name: str, endpoint: Endpoint, settings: Settings) -> Pricing:
    if endpoint.simulated:
        return Pricing(free=True)
    cost = settings.models[name].cost or settings.prices.get(name) or settings.prices.get(endpoint.model)
    if cost is None:
        if endpoint.local:
            return Pricing(free=True)
        price_id, _, model = (endpoint.price_id or "").partition("/")
        return Pricing(price_id=price_id or None, model=model or endpoint.model)
    if cost.usd_per_hour is not None:
        return Pricing(usd_per_hour=cost.usd_per_hour)
    assert cost.input_usd_per_mtok is not None
    assert cost.output_usd_per_mtok is not None  # the settings model demands both
    rates = Rates(
        input=cost.input_usd_per_mtok,
        output=cost.output_usd_per_mtok,
        cached=cost.cached_usd_per_mtok,
        cache_write=cost.cache_write_usd_per_mtok,
        cache_write_1h=cost.cache_write_1h_usd_per_mtok,
    )
    return Pricing(rates=rates)


def _baseline(settings: Settings, endpoints: dict[str, Endpoint]) -> str | None:
    if settings.baseline_model is not None:
        return settings.baseline_model
    return next((name for name, e in endpoints.items() if e.lane == "frontier"), None)


FIXED = (
    "server.host",
    "server.port",
    "server.workers",
    "server.keepalive_s",
    "server.idle_connection_s",
    "state",
    "ledger",
    "log",
)
"""Settings that are read once, at start; all others are asked of the runtime."""


def _at_next_start(old: Settings, new: Settings) -> list[str]:
    """One warning for each setting that a reload changed without effect."""
    changed = [path for path in FIXED if attrgetter(path)(old) != attrgetter(path)(new)]
    return [f"{path} was changed: it takes effect at the next start" for path in changed]


def _full(ca_file: str | None) -> Upstream:
    from gateway.adapters.upstream.aiohttp_client import AiohttpUpstream

    return AiohttpUpstream(ca_file=ca_file)


def _state_path(settings: Settings, state_dir: Path) -> Path:
    return Path(settings.state.path) if settings.state.path else state_dir / "state.sqlite"


def _ledger_path(settings: Settings, state_dir: Path) -> Path:
    return Path(settings.ledger.path) if settings.ledger.path else state_dir / "ledger.sqlite"


def _shared(settings: Settings) -> bool:
    """Other processes use the same state, so what is one must not be kept in this one."""
    return settings.server.workers > 1 or settings.state.kind in ("sqlite", "redis")


async def _state(settings: Settings, clock: Clock, state_dir: Path) -> StateStore:
    kind = settings.state.kind
    if kind == "redis":
        try:
            from gateway.adapters.state.redis import RedisState
        except ImportError as error:
            raise ConfigError("state.kind redis needs the extra: pip install 'interlock[redis]'") from error
        url = secret_store.read(settings.state.url or "redis://127.0.0.1:6379/0")
        return RedisState(url)
    path = _state_path(settings, state_dir)
    if kind == "sqlite" or (kind == "auto" and settings.server.workers > 1):
        return SqliteState(clock, path)
    if kind == "auto":
        state = WriteBehindState(clock, path, settings.state.max_bytes)
        try:
            await state.start()
        except sqlite3.Error as error:
            raise ConfigError(
                f"the state file {path} cannot be used: {error}; move it away or set state.path"
            ) from error
        return state
    return MemoryState(clock, settings.state.max_bytes)


def make_files(settings: Settings, state_dir: Path) -> None:
    """Creates and migrates what several workers are about to open at the same moment. Blocking. ConfigError."""
    _make_folder(state_dir)
    SqliteKeys(state_dir / "keys.sqlite", SystemClock()).refresh()
    prepare_ledger(_ledger_path(settings, state_dir))
    prepare_judging(state_dir, SystemClock())
    if settings.state.kind in ("auto", "sqlite"):
        path = _state_path(settings, state_dir)
        try:
            open_file(path).close()
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"the state file {path} cannot be used: {error}; move it away or set state.path"
            ) from error


def _make_folder(state_dir: Path) -> None:
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"the state directory {state_dir} cannot be made: {error.strerror}") from error


async def dry_run(loaded: Loaded, body: bytes, dialect: Dialect, headers: Headers = ()) -> dict[str, Any]:
    """The answer of `POST /v1/route` without a running gateway: no memory of sessions, no breakers, nothing is opened."""
    runtime, _ = runtime_of(loaded, 1)
    clock = SystemClock()
    classifier = LearnedClassifier(clock)
    await asyncio.to_thread(classifier.load)
    ports = Ports(
        clock=clock,
        random=SystemRandom(),
        upstream=SchemeUpstream({}, LeanUpstream()),
        state=MemoryState(clock, 1 << 20),
        ledger=_NoLedger(),
        keys=SqliteKeys(Path("unused"), clock),
        classifier=classifier,
        tokens=TiktokenCounter(),
        health=MemoryHealth(clock, Rules),
        prices=ListPrices(),
    )
    pipeline = Pipeline(ports, lambda: runtime, Keeper(clock, 10.0))
    raw = RawRequest("req_dry", next(iter(sorted(dialect.paths))), "", headers, body, Caller("anonymous"))
    return await pipeline.route(raw, dialect)


def _digest(runtime: Runtime) -> str:
    return runtime.policy.digest if runtime.policy is not None else ""


class _Models:
    """What hooks that ask a model see of the runtime in force."""

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        self._runtime = runtime

    def endpoint(self, name: str) -> Endpoint | None:
        return self._runtime().endpoints.get(name)

    def pricing(self, name: str) -> Pricing:
        return self._runtime().pricing.get(name, Pricing())

    def private(self) -> Mapping[str, frozenset[str]]:
        return self._runtime().table.private


class _NoLedger:
    """Nothing is called in a dry run, so nothing is booked."""

    def opened(self, request_id: str, look: Callable[[], LedgerRow], /) -> None: ...

    def record(self, row: LedgerRow) -> None:
        raise AssertionError("a dry run has no bill")

    def saw(self, outcome: Seen) -> None: ...

    async def flush(self) -> None: ...

    async def aclose(self) -> None: ...


class Gateway:
    """A running gateway: the ASGI app plus what runs beside it. `start` and `stop` are the lifespan."""

    def __init__(
        self,
        loaded: Loaded,
        load: Load,
        state_dir: Path,
        *,
        local: bool,
        paced: bool = True,
        clock: Clock | None = None,
        random: Random | None = None,
        upstream: Upstream | None = None,
        crew: Crew | None = None,
        address: tuple[str, int] | None = None,
    ) -> None:
        """`address`: where it listens, which policies keep agents away from. `clock`, `random` and `upstream` (for
        everything but the simulated one) are replaced by tests. `crew`: this is one worker of several."""
        self._clock: Clock = clock or SystemClock()
        self._random: Random = random or SystemRandom()
        self._outside = upstream
        self._load = load
        self._state_dir = state_dir
        self._crew = crew
        generation = max((other.generation for other, _ in crew.others()), default=1) if crew else 1
        self._address = address
        self._runtime, self.warnings = runtime_of(loaded, max(generation, 1), self._guard(loaded))
        self._paced = paced
        self._local = local
        self._tasks = TaskSet("gateway")
        self._reloading = asyncio.Lock()
        self.reload_error: str | None = None
        self.reload_failures = 0
        self.front: Front
        self.ports: Ports
        self.stats = Stats(crew)

    def _guard(self, loaded: Loaded) -> Guard:
        config = Path(loaded.source) if loaded.places else None
        return guard_of(config, policy_files.paths(loaded), self._state_dir, self._address)

    @property
    def runtime(self) -> Runtime:
        return self._runtime

    async def start(self) -> None:
        settings = self._runtime.settings
        clock, random = self._clock, self._random
        _make_folder(self._state_dir)
        outside = self._outside or ChoosingUpstream(lambda ca: LeanUpstream(ca_file=ca), _full)
        sim = SimulatedUpstream(clock, random, paced=self._paced)
        upstream = SchemeUpstream({"sim": sim}, outside)
        keys = SqliteKeys(self._state_dir / "keys.sqlite", clock)
        await keys.start()
        ledger = SqliteLedger(_ledger_path(settings, self._state_dir), settings.ledger, observe=self.stats.observe)
        await ledger.start()
        prices, tokens = ListPrices(), TiktokenCounter()
        state = await _state(settings, clock, self._state_dir)
        health = self._health(settings, state)
        self.judging = Judging(
            lambda: self._runtime.policy,
            lambda: self._runtime.settings,
            clock,
            state,
            self._state_dir,
            hold_s=lambda: self._runtime.manner.judge_s,
            secret=secret_store.read,
            slot=self._crew.slot if self._crew is not None else None,
            hooks=lambda configured: self._run_hooks(configured),
            decided=self._decided,
        )
        hook_models = ModelHooks(
            _Models(lambda: self._runtime), upstream, clock, random, health, ledger, prices, clean=self._clean
        )
        self._run_hooks = partial(HookRunner, model=hook_models, counted=self._hooked)
        self.hooks = HookDesk(
            self._run_hooks, self.judging.record, lambda hook: self.stats.hook_dropped(hook.id, hook.on)
        )
        await self._judge_by(self._runtime)
        self._classifier = LearnedClassifier(clock, (self._state_dir / CLASSIFIER, store.shipped()))
        self.ports = Ports(
            clock=clock,
            random=random,
            upstream=upstream,
            state=state,
            ledger=ledger,
            keys=keys,
            classifier=self._classifier,
            tokens=tokens,
            health=health,
            prices=prices,
            judge=self.judging,
            hooks=self.hooks,
            leaks=Leaks(lambda: self.judging.releases, state, lambda: self._runtime.settings.session.ttl_s),
        )
        keeper = Keeper(clock, settings.server.keepalive_s)
        pipeline = Pipeline(self.ports, lambda: self._runtime, keeper)
        self._operations = Operations(self, pipeline)
        self.front = Front(
            pipeline,
            lambda: self._runtime,
            keys,
            random,
            clock,
            surfaces=SURFACES,
            back=self._operations.app,
            local=self._local,
        )
        self._tasks.spawn(keeper.run(), name="keeper")
        self._tasks.spawn(keys.watch(), name="keys")
        if isinstance(health, SharedHealth):
            self._tasks.spawn(health.run(), name="health")
        if self._crew is not None:
            self._tasks.spawn(self._post(), name="crew")
        prices.loading = True
        self._tasks.spawn(asyncio.to_thread(prices.load), name="prices")
        dialects.by_path()

    def _clean(self, payload: bytes, endpoint: Endpoint) -> bytes:
        """What a hook's model is shown: masked like the conversation of any model there."""
        policy = self._runtime.policy
        if policy is None:
            return payload
        key = self.judging.releases.mask_key
        return policy.leaks.cleaned(payload, Target(endpoint.own, endpoint.lane), key)

    def warm_up(self) -> None:
        """After the port is open: imports what the first answers do not need."""
        self._tasks.spawn(self._operations.warm(), name="operations")
        self._tasks.spawn(asyncio.to_thread(self._classifier.load), name="classifier")

    def _health(self, settings: Settings, state: StateStore) -> MemoryHealth:
        if _shared(settings):
            return SharedHealth(self._clock, self._breaker_rules, state)
        return MemoryHealth(self._clock, self._breaker_rules)

    async def _post(self) -> None:
        """Until cancelled: what this worker counted, for the others, and what it must know of them."""
        while True:
            self.front.elsewhere = self.stats.post(self)
            await self._clock.sleep(POST_S)

    def _breaker_rules(self) -> Rules:
        b = self._runtime.settings.breaker
        return Rules(b.failures, b.window_s, b.open_s, b.half_open_probes)

    async def reload(self) -> bool:
        """Builds a new runtime and swaps it. A bad configuration keeps the old one running and says so: log, `/health`
        detail, metric. Sessions, breakers, ledger and keys live on."""
        async with self._reloading:
            try:
                loaded = await self._load()
                runtime, warnings = await asyncio.to_thread(
                    runtime_of, loaded, self._runtime.generation + 1, self._guard(loaded)
                )
                await self._judge_by(runtime)
            except ConfigError as error:
                self.reload_failures += 1
                self.reload_error = "; ".join(error.problems) or error.text()
                _log.error("configuration refused, the old one keeps running: %s", self.reload_error)
                self._reloaded(self.reload_error)
                return False
            warnings = (*warnings, *_at_next_start(self._runtime.settings, runtime.settings))
            if (runtime.policy is None) is not (self._runtime.policy is None) or _digest(runtime) != _digest(
                self._runtime
            ):
                self.judging.record("reload", policy=_digest(runtime), policies=list(runtime.settings.policies))
            self._runtime, self.warnings, self.reload_error = runtime, warnings, None
            _log.info("configuration reloaded from %s (generation %d)", loaded.source, runtime.generation)
            for warning in warnings:
                _log.warning("%s", warning)
            self._reloaded()
            return True

    # --- hooks that are told beside requests ------------------------------------------------------------------

    def _hooked(self, hook: Hook, outcome: str) -> None:
        self.stats.hooked(hook.id, hook.on, outcome)

    def _reloaded(self, problem: str = "") -> None:
        runtime = self._runtime
        policy = runtime.policy
        if policy is None or policy.at.reload is None:
            return
        own = {"policy": policy.digest, "generation": runtime.generation, "problem": problem}
        self._tell(policy, "reload", policy.at.reload, CallCaller(now_s=self._clock.now()), own)

    def _decided(self, approval: Approval) -> None:
        policy = self._runtime.policy
        if policy is None or policy.at.permission_decided is None:
            return
        caller = CallCaller(
            approval.key_id, approval.harness, approval.session, agent=approval.agent or None, cwd=approval.cwd or None,
            now_s=self._clock.now(),
        )  # fmt: skip
        decision = "deny" if approval.state == "denied" else "grant"
        own = {
            "ticket": approval.id, "decision": decision, "by": approval.decided_by, "note": approval.note,
            "tool": approval.tool,
        }  # fmt: skip
        self._tell(policy, "permission_decided", policy.at.permission_decided, caller, own)

    def _tell(
        self, policy: Policy, point: Point, told: tuple[Hook, ...], caller: CallCaller, own: dict[str, Any]
    ) -> None:
        self.hooks.tell(policy, told, payload(point, caller, own), caller)

    async def _judge_by(self, runtime: Runtime) -> None:
        if runtime.policy is not None:
            await self.judging.start(runtime.policy)
        else:
            _log.warning("policies: [] - no tool call is judged: every call of every model reaches its harness")

    async def drain(self) -> None:
        """Takes no new work; returns when running requests are done or `server.drain_s` is over."""
        self.front.draining = True
        try:
            async with asyncio.timeout(self._runtime.settings.server.drain_s):
                await self.front.idle()
        except TimeoutError:
            _log.warning("%d requests still running at the drain limit: they are ended", self.front.in_flight)
            self.front.expire()
            await self._last_words()

    async def _last_words(self) -> None:
        """A moment for the ended requests to say so; one whose client does not read is cut."""
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await self.front.idle()
        except TimeoutError:
            _log.warning("%d clients do not read: their connections are cut", self.front.in_flight)

    async def stop(self) -> None:
        await self._tasks.aclose()
        await self.hooks.aclose()
        await self.ports.upstream.aclose()
        await self.ports.ledger.aclose()
        await self.judging.aclose()
        if self._crew is not None:
            self.stats.post(self)
        await self.ports.state.aclose()

    def exposition(self) -> str:
        from gateway.adapters.exposition import text

        return text(*self.stats.together(self), self)

    @property
    def version(self) -> str:
        return __version__
