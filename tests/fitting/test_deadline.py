"""A time limit ends training at a step, nests, and is gone afterwards."""

from __future__ import annotations

import math

import pytest

from spacetune import SpaceClassifier
from spacetune.errors import OutOfTime
from spacetune.fitting import time_limit
from spacetune.fitting.deadline import check_time
from spacetune.studies import demo_texts


def test_training_ends_where_the_limit_is_over_and_goes_on_without_it() -> None:
    data = demo_texts("train").take(range(40))
    model = SpaceClassifier(n_epochs=2)
    with time_limit(0.0), pytest.raises(OutOfTime, match="before training had ended"):
        model.fit(data.texts, data.labels)
    assert model.fit(data.texts, data.labels).history_.ended == "finished"


def test_the_nearer_limit_holds() -> None:
    with time_limit(0.0), time_limit(math.inf), pytest.raises(OutOfTime):
        check_time()
    with time_limit(math.inf):
        check_time()
