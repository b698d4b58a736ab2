"""Who may use a repository's storage at the same time: any number who read, or one who changes it.

Distribution's file system storage writes the small files that name blobs and manifests in place. Whoever
reads one at that moment finds it empty, and gets an error for an image that is there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class _State:
    readers: int = 0
    writing: bool = False
    waiting: int = 0
    users: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)


class RepositoryLocks:
    """One for each name. Who waits to change something does not wait for those who come to read later."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

    @asynccontextmanager
    async def reading(self, name: str) -> AsyncIterator[None]:
        """Until the end nobody changes what is called `name`."""
        async with self._state(name) as state:
            async with state.changed:
                await state.changed.wait_for(lambda: not state.writing and not state.waiting)
                state.readers += 1
            try:
                yield
            finally:
                state.readers -= 1
                await _tell(state)

    @asynccontextmanager
    async def writing(self, name: str) -> AsyncIterator[None]:
        """Until the end nobody else reads or changes what is called `name`."""
        async with self._state(name) as state:
            async with state.changed:
                state.waiting += 1
                try:
                    await state.changed.wait_for(lambda: not state.writing and not state.readers)
                    state.writing = True
                finally:
                    state.waiting -= 1
                    state.changed.notify_all()
            try:
                yield
            finally:
                state.writing = False
                await _tell(state)

    @asynccontextmanager
    async def _state(self, name: str) -> AsyncIterator[_State]:
        state = self._states.setdefault(name, _State())
        state.users += 1
        try:
            yield state
        finally:
            state.users -= 1
            if not state.users:
                self._states.pop(name, None)


async def _tell(state: _State) -> None:
    async with state.changed:
        state.changed.notify_all()
