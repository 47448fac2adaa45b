"""Requests made up from the OpenAPI schema, right and wrong ones: nothing but what the schema says comes back."""

from __future__ import annotations

from typing import Any

import pytest

from spacetune.web import make_app
from spacetune.web.models import ServedModel

OF_THE_ENCODER = ("dimensions", "prompt_name")  # what the schema allows and this encoder does not


def single(value: Any) -> Any:
    """Return the first text in the place of a pair: the served models read single texts."""
    if isinstance(value, dict) and {"text", "text_pair"} <= value.keys():
        return value["text"]
    return [row[0] if isinstance(row, list) and row else row for row in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_nothing_unexpected_comes_back(served: list[ServedModel]) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, Phase, given, seed, settings

    schema = schemathesis.openapi.from_asgi("/openapi.json", make_app(served))
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @seed(0)
        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            for name in OF_THE_ENCODER:
                case.body.pop(name, None) if isinstance(case.body, dict) else None
            if isinstance(case.body, dict):
                case.body = {name: single(value) for name, value in case.body.items()}
            case.call_and_validate()

        ask()
    assert tried > 60
