"""What the operations routes see of the running gateway."""

from __future__ import annotations

from typing import Any, Protocol

from gateway.pipeline.runtime import Ports, Runtime


class Host(Protocol):
    """What the operations pages show of the running gateway."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def ports(self) -> Ports: ...

    @property
    def front(self) -> Any: ...

    @property
    def stats(self) -> Any: ...

    @property
    def judging(self) -> Any: ...

    @property
    def reload_error(self) -> str | None: ...

    @property
    def reload_failures(self) -> int: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...

    def exposition(self) -> str: ...

    @property
    def version(self) -> str: ...
