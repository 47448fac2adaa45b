"""Run the server: loopback unless told otherwise, one log line a request, a graceful end."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from spacetune.web.app import make_app
from spacetune.web.door import Door, listen
from spacetune.web.hosts import Hosts, is_loopback
from spacetune.web.limits import Limits
from spacetune.web.logs import log_lines
from spacetune.web.models import ServedModel

__all__ = ["run", "serve"]

GRACE = 25.0  # seconds to answer what has been asked when a signal comes
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))


def serve(
    models: Sequence[ServedModel],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    api_key: str | None = None,
    aliases: Mapping[str, str] | None = None,
    allow_hosts: Sequence[str] = (),
    log_level: str = "info",
    again: Callable[[], Sequence[ServedModel]] | None = None,
    root_path: str = "",
    tell: Callable[[str], None] | None = None,
) -> None:
    """Serve models until a signal comes; then answer what has been asked and stop. A second signal stops at once.

    SIGHUP, where the system has it, loads the models anew by `again`.

    Parameters
    ----------
    models, limits, api_key, aliases, again, root_path
        As in `make_app`.
    host, port
        Address to listen on. On loopback, requests that name another host are refused.
    allow_hosts
        Names that ``Host`` may hold beside those of loopback; with any, it is checked on every address.
    log_level
        ``info`` logs every request, ``warning`` only trouble.
    tell
        Called with the server's address once it is listened on; of port 0 that has the port that was free.

    Raises
    ------
    UsageError
        If the key is empty, an alias stands for no model, or the address cannot be listened on.
    KeyboardInterrupt
        If a second signal came before the end.
    """
    limits = limits or Limits()
    doors = listen(host, port)
    try:
        local = all(is_loopback(door.getsockname()[0]) for door in doors)
        hosts = Hosts(allow_hosts) if local or allow_hosts else None
        app = make_app(models, limits, api_key=api_key, aliases=aliases, hosts=hosts, again=again, root_path=root_path)
        if tell is not None:
            shown = f"[{host}]" if ":" in host else host
            tell(f"http://{shown}:{doors[0].getsockname()[1]}/")
        log_lines(log_level)
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            hurried = runner.run(_until_a_signal(app, doors, limits))
    finally:
        for door in doors:
            door.close()
    if hurried:
        raise KeyboardInterrupt("a second signal")


async def _until_a_signal(app: FastAPI, doors: Sequence[socket.socket], limits: Limits) -> bool:
    """Run until a signal; return whether a second one cut the end short."""
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def heed(_: int, __: FrameType | None) -> None:
        loop.call_soon_threadsafe(hurry.set if stop.is_set() else stop.set)

    def reload(*_: object) -> None:
        loop.call_soon_threadsafe(app.state.service.reload)

    def ready() -> None:  # after uvicorn, which puts the handlers of before back when it ends
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, heed)
            if hasattr(signal, "SIGHUP"):
                signal.signal(signal.SIGHUP, reload)

    await run(app, doors, limits, stop, hurry, ready)
    return hurry.is_set()


async def run(
    app: FastAPI,
    doors: Sequence[socket.socket],
    limits: Limits,
    stop: asyncio.Event,
    hurry: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    """Serve what `make_app` gives on listening sockets, which are closed at the end.

    `ready` is called when connections are taken. `stop` is set to answer what has been asked and end, `hurry` to end at
    once.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, http=H11Protocol, ws="none", lifespan="on",
        timeout_keep_alive=math.ceil(limits.idle_seconds), timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[]))
    while not server.started and not running.done():
        await asyncio.sleep(0.01)

    def protocol() -> H11Protocol:
        return H11Protocol(config, server.server_state, server.lifespan.state)

    door = app.state.door = Door(doors, protocol, limits)
    door.open()
    ready()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    app.state.service.stopping = True
    await door.close(GRACE, hurry)
    server.should_exit = True
    server.force_exit = hurry.is_set()
    await running
