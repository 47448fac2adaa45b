"""The command ``serve``."""

from __future__ import annotations

import functools
import os
from typing import Annotated

import typer

from spacetune.cli.guarded import guarded, quiet_libraries, say, tell
from spacetune.cli.loading import ModelEncoder, load
from spacetune.cli.reading import LABEL, LabelColumn, PairColumn, TextColumn
from spacetune.errors import MissingExtraError, UsageError

__all__ = ["serve"]

KEY = "SPACETUNE_API_KEY"


@guarded
def serve(
    models: Annotated[list[str], typer.Argument(help="Folders of saved models; the first answers by default.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.", min=1, max=65535)] = 8000,
    examples: Annotated[
        str | None,
        typer.Option(help="Labelled texts that the page shows as map and nearest neighbours; everyone can read them."),
    ] = None,
    api_key: Annotated[str | None, typer.Option(envvar=KEY, help="Key that requests must carry.")] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option(help="Further name for the first model, or NAME=MODEL; '*' for every other name. Repeatable."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Further name that the Host header may carry, beside those of loopback. Repeatable."),
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="Path that a proxy puts in front and takes off again, such as /tools/shop.")
    ] = "",
    max_texts: Annotated[int, typer.Option(help="Maximum number of texts per request.", min=1)] = 256,
    max_embedded: Annotated[
        int, typer.Option(help="Maximum number of texts per request to /v1/embeddings.", min=1)
    ] = 2048,
    max_characters: Annotated[int, typer.Option(help="Maximum number of characters per text.", min=1)] = 20_000,
    max_body: Annotated[int, typer.Option(help="Maximum size of a request in bytes.", min=1000)] = 4_000_000,
    max_waiting: Annotated[int, typer.Option(help="Maximum number of texts that may wait.", min=1)] = 512,
    max_connections: Annotated[int, typer.Option(help="Maximum number of connections at a time.", min=1)] = 512,
    log_level: Annotated[
        str, typer.Option(help="'info' logs every request; 'warning' and 'error' only problems.")
    ] = "info",
    encoder: ModelEncoder = None,
    text: TextColumn = "text",
    label: LabelColumn = LABEL,
    text_pair: PairColumn = None,
) -> None:
    """Serve saved models: predictions and explanations over HTTP, and a page at / to look at them.

    SIGHUP reloads the models without losing a request.
    """
    if log_level not in ("info", "warning", "error"):
        raise UsageError(f"--log-level must be info, warning or error, got {log_level!r}")
    if root_path and not root_path.startswith("/"):
        raise UsageError(f"--root-path must begin with a slash, got {root_path!r}")
    refuse_empty_key(api_key)
    quiet_libraries()
    try:
        from spacetune import web
        from spacetune.web.hosts import is_loopback
        from spacetune.web.models import Columns, load_models
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("fastapi", "starlette", "pydantic", "uvicorn", "prometheus_client"):
            raise MissingExtraError("serve", "serve") from error
        raise
    columns: Columns = {"text": text, "label": label, "text_pair": text_pair}
    again = functools.partial(load_models, models, examples, load=functools.partial(load, encoder=encoder), **columns)
    served = again()
    limits = web.Limits(
        max_texts=max_texts,
        max_embedded=max_embedded,
        max_characters=max_characters,
        max_body=max_body,
        max_waiting=max_waiting,
        max_connections=max_connections,
    )
    aliases = read_aliases(alias or [], [s.name for s in served])
    names = ", ".join(s.name for s in served)
    if api_key is None and host != "localhost" and not is_loopback(host):
        say(f"! whoever reaches {host} can ask this server: give it a key with --api-key")
    web.serve(
        served,
        host=host,
        port=port,
        limits=limits,
        api_key=api_key,
        aliases=aliases,
        allow_hosts=allow_host or [],
        log_level=log_level,
        again=again,
        root_path=root_path.rstrip("/"),
        tell=lambda address: tell(f"serving {names} at {address}"),
    )


def refuse_empty_key(api_key: str | None) -> None:
    """Refuse a key that is there and empty, as that of an unset variable is.

    Raises `UsageError` if the option or the environment variable is empty.
    """
    if not (os.environ.get(KEY, "key") if api_key is None else api_key).strip():
        raise UsageError(
            f"the API key (--api-key or {KEY}) is empty, which would let everyone in; give one or unset it"
        )


def read_aliases(given: list[str], names: list[str]) -> dict[str, str]:
    """Read ``NAME`` for the first model and ``NAME=MODEL`` for another.

    Raises `UsageError` if a name is empty or comes twice; a model that is not served `make_app` refuses.

    >>> read_aliases(["text-embedding-3-small", "mood=b"], ["a", "b"])
    {'text-embedding-3-small': 'a', 'mood': 'b'}
    """
    aliases: dict[str, str] = {}
    for text in given:
        name, equals, model = text.rpartition("=")
        alias, model = (name, model) if equals else (text, names[0])
        if not alias or alias in aliases:
            raise UsageError(f"--alias must be NAME or NAME=MODEL, each name once, got {text!r}")
        aliases[alias] = model
    return aliases
