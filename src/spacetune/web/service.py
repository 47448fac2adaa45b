"""The served models by their names, and the queue before them."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from fastapi import Request

from spacetune.errors import UsageError
from spacetune.web.batching import Batcher
from spacetune.web.limits import Limits, Refused, check_texts
from spacetune.web.models import ServedModel

__all__ = ["ANY", "Service"]

log = logging.getLogger("spacetune.web")

ANY = "*"
SLOW = frozenset({"reach"})  # texts of which take turns with other requests one by one
LONG = frozenset({"explain", "dissect", "reach"})  # what gives long answers


class Service:
    """The served models, and the queue before them.

    There is at least one model; requests that name none get the first. Aliases are further names, each for the name of
    a model; ``*`` stands for every name that is not known. `again` loads the same models anew. Raises `UsageError` if
    an alias is a model's own name, or stands for a model that is not served.
    """

    def __init__(
        self,
        models: Sequence[ServedModel],
        limits: Limits,
        aliases: Mapping[str, str] | None = None,
        again: Callable[[], Sequence[ServedModel]] | None = None,
    ) -> None:
        self.models = {served.name: served for served in models}
        self.again = again
        self.aliases = dict(aliases or {})
        self.limits = limits
        self.stopping = False
        for alias, name in self.aliases.items():
            if name not in self.models:
                raise UsageError(f"alias {alias!r} must stand for a served model ({self.known}), got {name!r}")
            if alias in self.models:
                raise UsageError(f"alias {alias!r} is a served model's own name; choose another")
        self.batcher = Batcher(limits)

    @property
    def names(self) -> list[str]:
        """Every name that is listed: models, then aliases."""
        return [*self.models, *(alias for alias in self.aliases if alias != ANY)]

    @property
    def known(self) -> str:
        """The names of the models, for a sentence."""
        return ", ".join(self.models)

    def find(self, name: str | None) -> ServedModel:
        """Return a model by its name, an alias or its encoder's name; without a name the first.

        Raises `Refused` with 404 where there is none of that name.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name in self.models:
            return self.models[name]
        if name in self.aliases:
            return self.models[self.aliases[name]]
        for served in self.models.values():
            if served.encoder == name:
                return served
        if ANY in self.aliases:
            return self.models[self.aliases[ANY]]
        raise Refused(404, f"there is no model of that name; the server has {', '.join(self.names)} (see --alias)")

    def reload(self) -> None:
        """Load the models anew, in turn with requests; those that have come are answered by the models they came to.

        Where one cannot be loaded all stay as they are, and the log says why.
        """
        again = self.again
        if again is not None and not self.stopping:
            self.batcher.submit("reload", lambda _: [again()], [""], begun=True).add_done_callback(self._take)

    def _take(self, loaded: Future[Sequence[Any]]) -> None:
        if (error := loaded.exception()) is not None:
            told = f"the served models stay as they were, since one cannot be reloaded: {error}"
            log.warning("%s", json.dumps({"event": "reload", "message": told}))
            return
        self.models = {served.name: served for served in loaded.result()[0]}
        log.info("%s", json.dumps({"event": "reload", "models": list(self.models)}))

    async def work(
        self,
        request: Request,
        served: ServedModel,
        kind: str,
        texts: list[Any],
        most: int | None = None,
        **options: str | None,
    ) -> Sequence[Any]:
        """Check texts (at most `most`), send them through the queue, and wait for one answer each.

        `kind` is a method of the model and `options` its further arguments; equal ones run together.
        """
        limits = self.limits
        check_texts(texts, limits, most or (limits.max_explained if kind in LONG else limits.max_texts))
        request.scope["state"]["texts"] = len(texts)
        answers: list[Any] = [None] * len(texts)
        run, begun = functools.partial(getattr(served, kind), **options), False
        for pairs in (False, True):  # an encoder reads all single texts or all pairs
            rows = [i for i, text in enumerate(texts) if isinstance(text, str) != pairs]
            size = 1 if kind in SLOW else limits.batch_texts
            for first in range(0, len(rows), size):  # in turn with other requests
                part = rows[first : first + size]
                key = (id(served), kind, pairs, *sorted(options.items()))
                if begun and await request.is_disconnected():
                    raise Refused(400, "whoever asked has gone")
                future = self.batcher.submit(key, run, [texts[i] for i in part], begun=begun)
                found = await self._answered(future, begun)
                begun = True
                for i, answer in zip(part, found, strict=True):
                    answers[i] = answer
        return answers

    async def _answered(self, future: Future[Sequence[Any]], begun: bool) -> Sequence[Any]:
        """Wait for the answers; raise `Refused` with 503 where the model is not free for it in time."""
        answered = asyncio.wrap_future(future)
        if not begun:
            done, _ = await asyncio.wait([answered], timeout=self.limits.max_seconds)
            if not done and future.cancel():
                raise self.limits.waited()
        return await answered
