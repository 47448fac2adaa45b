"""What went wrong, as one sentence in the shape that the client of a path reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from spacetune.errors import DataError, UnsupportedByFamily, UsageError
from spacetune.web.limits import Refused
from spacetune.web.schemas import Problem

__all__ = ["REFUSALS", "add_problems", "problem", "retry_headers"]

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": why}
    for status, why in {
        400: "the body is no JSON, or Host names another server",
        401: "the key is missing or wrong",
        404: "there is no such model",
        408: "the body took too long to come in",
        413: "the body is too large",
        422: "the request cannot be read, or is over a limit",
        429: "too many texts are waiting; Retry-After says when to come again",
        503: "waited too long, or the server is stopping",
    }.items()
}
KINDS = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}

UNREADABLE = "There was an error parsing the body"
NO_JSON = "the body must be JSON in UTF-8, not packed, with numbers and nesting of a usual size"


def problem(path: str, status: int, message: str, errors: list[dict[str, str]] | None = None) -> bytes:
    """Return the body of a refusal: the sentence under ``detail``, and where other servers' clients look for it.

    Below ``/v1`` ``error`` is OpenAI's object; elsewhere it is the sentence, as text-embeddings-inference has it.
    """
    error: str | dict[str, str | None] = message
    if path.startswith("/v1/"):
        kind = KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
        code = "model_not_found" if status == 404 else None
        error = {"message": message, "type": kind, "param": None, "code": code}
    body: dict[str, Any] = {"detail": message, "error": error}
    return json.dumps(body | ({"errors": errors} if errors else {})).encode("ascii")


def retry_headers(error: Refused) -> dict[str, str]:
    """Return the header that says when to come again, where the refusal does."""
    return {} if error.retry_after is None else {"Retry-After": str(max(1, math.ceil(error.retry_after)))}


def add_problems(app: FastAPI) -> None:
    """Answer whatever is refused in one shape."""

    def answer(
        request: Request,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> Response:
        body = problem(request.url.path, status, message, errors)
        return Response(body, status, headers, media_type="application/json")

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return answer(request, error.status, error.message, retry_headers(error))

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        errors = [{"at": _place(each["loc"]), "message": _told(each)[:500]} for each in error.errors()[:20]]
        first = f"{errors[0]['at']}: {errors[0]['message']}" if errors else "it cannot be read"
        return answer(request, 422, f"the request is not valid: {first}", errors=errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if str(error.detail) == UNREADABLE:
            return answer(request, 422, f"the request is not valid: {NO_JSON}")
        return answer(request, error.status_code, str(error.detail), error.headers)

    async def unusable(request: Request, error: Exception) -> Response:
        return answer(request, 422, str(error))

    for kind in (DataError, UsageError, UnsupportedByFamily):
        app.add_exception_handler(kind, unusable)


def _told(error: Mapping[str, Any]) -> str:
    """Say in a sentence what pydantic found, where users err most: texts, and a body that is no JSON."""
    steps, given = error["loc"], error.get("input")
    numbers = [step for step in steps if isinstance(step, int)]
    if error["type"] == "json_invalid":
        return f"the body is not JSON: {error.get('ctx', {}).get('error', error['msg'])} at character {steps[-1]}"
    if error["type"] == "model_attributes_type" and isinstance(given, bytes | str):
        return "the body must be JSON, and the header Content-Type must say so: application/json"
    if steps[2:] == ("texts",) and isinstance(given, str):
        return "texts must be a list; put a single text in brackets"
    if steps[2:3] == ("texts",) and numbers:  # what it holds is not repeated: it may be private
        kind = "a list of other things" if len(numbers) > 1 or isinstance(given, list) else type(given).__name__
        return f"every text must be a string or a pair of strings; number {numbers[0] + 1} is {kind}"
    return str(error["msg"])


def _place(steps: tuple[int | str, ...]) -> str:
    return ".".join(str(step)[:100] for step in steps)[:500]
