"""Clients that keep a record of all that they ask and are answered."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Self

import httpx

from tests.promises.history.calls import NEVER, Call
from tests.promises.history.dialects import Dialect


class Recorder:
    """The calls of all clients, on one clock that began with it. ``began`` is the wall clock's time at its zero."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.began = time.time()
        self._zero = time.monotonic()
        self._numbers = itertools.count()

    def now(self) -> float:
        return time.monotonic() - self._zero

    def number(self) -> int:
        """Another one each time, to name walks and wishes by."""
        return next(self._numbers)


class Client:
    """One client of one dialect, with a connection of its own; what is recorded has its ``name``."""

    def __init__(self, recorder: Recorder, dialect: Dialect, name: str, timeout: float = 60) -> None:
        self.recorder, self.dialect, self.name = recorder, dialect, name
        self._timeout = timeout
        self._http: httpx.AsyncClient
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # No retries: an answer that is lost must be seen to be lost. No TLS, whose context takes its time to make.
        transport = httpx.AsyncHTTPTransport(retries=0, verify=False)
        client = httpx.AsyncClient(transport=transport, timeout=self._timeout, trust_env=False)
        self._http = await self._open.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def submit(self, wish: str, *, key: str = "", repeated: bool = False, within: float | None = None) -> Call:
        """``within``: seconds after which the client goes away."""
        request = self.dialect.submit(wish, key=key, repeated=repeated)
        call, _ = await self._asked("submit", request, within, wish=wish)
        return call

    async def get(self, id: str, within: float | None = None) -> Call:
        call, _ = await self._asked("get", self.dialect.get(id), within, job=id)
        return call

    async def messages(self, id: str) -> Call:
        request = self.dialect.messages(id)
        if request is None:
            return await self.get(id)
        call, _ = await self._asked("messages", request, job=id)
        return call

    async def cancel(self, id: str, within: float | None = None) -> Call:
        call, _ = await self._asked("cancel", self.dialect.cancel(id), within, job=id)
        return call

    async def walk(self, order: str, limit: int, most: int = 1000) -> Sequence[Call]:
        """The pages, to the end, to the first that is not answered, or ``most``."""
        name, pages, place = f"{self.dialect.name}-{self.recorder.number()}", list[Call](), ""
        for number in range(most):
            asked: dict[str, Any] = {"walk": name, "page": number, "limit": limit, "order": order}
            page, answer = await self._asked("page", self.dialect.page(order, place, limit), **asked)
            pages.append(page)
            if answer is None or not page.done or page.last:
                break
            place = self.dialect.following(answer, place, limit)
        return pages

    async def _asked(
        self, kind: str, request: httpx.Request, within: float | None = None, **asked: Any
    ) -> tuple[Call, httpx.Response | None]:
        invoked, returned, note = self.recorder.now(), NEVER, "the client was stopped"
        answer: httpx.Response | None = None
        try:
            async with asyncio.timeout(within):
                answer = await self._http.send(request)
            returned, note = self.recorder.now(), ""
        except TimeoutError:
            note = "the client went away"
        except httpx.TransportError as error:
            note = repr(error)
        finally:
            told = {} if answer is None else self._told(kind, answer, asked)
            if answer is not None and not answer.is_success:
                note = answer.text[:200]
            call = Call(self.name, self.dialect.name, kind, invoked, returned, note=note, **asked | told)
            self.recorder.calls.append(call)
        return call, answer

    def _told(self, kind: str, answer: httpx.Response, asked: Mapping[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {"status": answer.status_code, "honest": "Retry-After" in answer.headers}
        if answer.is_success or answer.status_code in (400, 404, 409):
            told |= self.dialect.told(kind, answer)
        if kind == "page" and answer.is_success:
            told["last"] = not self.dialect.following(answer, "1", asked["limit"])
        return told
