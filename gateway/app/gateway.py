"""The ports built once, the ASGI app around them, what runs beside it, and the runtime that a reload swaps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
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
from gateway.adapters.keys import SqliteKeys
from gateway.adapters.ledger import SqliteLedger
from gateway.adapters.onnx_classifier import LearnedClassifier
from gateway.adapters.prices import ListPrices
from gateway.adapters.simulated import SimulatedUpstream
from gateway.adapters.stats import Stats
from gateway.adapters.system import SystemClock, SystemRandom
from gateway.adapters.tasks import TaskSet
from gateway.adapters.tokens import TiktokenCounter
from gateway.adapters.upstream import ChoosingUpstream, LeanUpstream, SchemeUpstream
from gateway.app.runtimes import at_next_start, runtime_of
from gateway.app.stores import ledger_path, make_folder, shared, state_of
from gateway.config.load import Loaded
from gateway.config.settings import Settings
from gateway.dialects import registry as dialects
from gateway.endpoints import Endpoint
from gateway.errors import ConfigError
from gateway.http.back import Operations
from gateway.http.front import Front
from gateway.http.surfaces import SURFACES
from gateway.pipeline.keeper import Keeper
from gateway.pipeline.leaks import Leaks
from gateway.pipeline.runtime import Ports, Runtime
from gateway.pipeline.serve import Pipeline
from gateway.ports import Clock, Random, StateStore, Upstream
from gateway.routing.breaker import Rules
from gateway.telemetry import LOG
from policies.compiled import Guard, Policy
from policies.hooks import payload
from policies.leaks import Target
from policies.model import Hook, Point
from policies.verdict import Caller as CallCaller

_log = logging.getLogger(LOG)

LAST_WORDS_S = 2.0
CLASSIFIER = "classifier"
"""Folder of the state directory with a classifier trained here; it goes before the one that ships."""

Load = Callable[[], Awaitable[Loaded]]


def _full(ca_file: str | None) -> Upstream:
    from gateway.adapters.upstream.aiohttp_client import AiohttpUpstream

    return AiohttpUpstream(ca_file=ca_file)


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
        make_folder(self._state_dir)
        outside = self._outside or ChoosingUpstream(lambda ca: LeanUpstream(ca_file=ca), _full)
        sim = SimulatedUpstream(clock, random, paced=self._paced)
        upstream = SchemeUpstream({"sim": sim}, outside)
        keys = SqliteKeys(self._state_dir / "keys.sqlite", clock)
        await keys.start()
        ledger = SqliteLedger(ledger_path(settings, self._state_dir), settings.ledger, observe=self.stats.observe)
        await ledger.start()
        prices, tokens = ListPrices(), TiktokenCounter()
        state = await state_of(settings, clock, self._state_dir)
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
        if shared(settings):
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
            warnings = (*warnings, *at_next_start(self._runtime.settings, runtime.settings))
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
