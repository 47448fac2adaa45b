"""Linear models as rows of weights, one a class, also where a class is missing from training."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, Ridge

from spacetune.fitting import Regression, SingleLabel
from spacetune.fitting.linear import fit_linear, logistic, logistic_each

rng = np.random.default_rng(0)
CENTRES = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [-3.0, -3.0, -3.0], [3.0, 3.0, 3.0]])


def points(*classes: int, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    targets = np.repeat(classes, n)
    return CENTRES[targets] + rng.standard_normal((len(targets), 3)), targets


@pytest.mark.parametrize("present", [(0, 1, 2, 3, 4), (0, 2, 4), (0, 2, 3), (1, 2, 4), (0, 4), (1, 3), (0, 1)])
def test_every_class_keeps_its_row(present: tuple[int, ...]) -> None:
    rows, targets = points(*present)
    weight, bias = fit_linear(SingleLabel("abcde"), rows, targets, 1.0)
    assert weight.shape == (5, 3)
    assert bias.shape == (5,)
    fresh, truth = points(*present)
    assert ((fresh @ weight.T + bias).argmax(1) == truth).mean() > 0.9
    missing = [c for c in range(5) if c not in present]
    assert (weight[missing] == 0).all()
    assert all(bias[c] <= bias[list(present)].min() - 7 for c in missing)


def test_two_classes_share_one_row() -> None:
    rows, targets = points(0, 1)
    weight, bias = logistic(rows, targets, 1.0)
    model = LogisticRegression(C=1.0, max_iter=400, tol=1e-3).fit(rows, targets)
    np.testing.assert_allclose(weight[1] - weight[0], model.coef_[0])
    np.testing.assert_allclose(bias[1] - bias[0], model.intercept_[0])
    np.testing.assert_allclose(weight.sum(0), 0, atol=1e-12)


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_alone_is_what_is_said(only: int) -> None:
    rows, targets = points(only)
    weight, bias = logistic(rows, targets, 1.0)
    assert (rows @ weight.T + bias).argmax(1).tolist() == targets.tolist()
    assert bias.tolist() == ([-4, 4] if only else [4, -4])


def test_weights_of_classes_are_heard() -> None:
    rows, targets = points(0, 1, n=60)
    rows, targets = rows[:80] / 3, targets[:80]
    plain, heavy = (logistic(rows, targets, 1.0, weights)[1] for weights in (None, {0: 1.0, 1: 10.0}))
    assert heavy[1] - heavy[0] > plain[1] - plain[0] + 1


def test_labels_fitted_together_are_those_fitted_apart() -> None:
    rows = rng.standard_normal((90, 4))
    targets = (rows @ rng.standard_normal((4, 3)) + rng.standard_normal((90, 3)) > 0.4).astype(float)
    weighing = rng.uniform(0.5, 2, 90)
    for form in (np.asarray, csr_matrix):
        weight, bias = logistic_each(form(rows), targets, 0.5, np.array([3.0, 1.0, 1.0]), weighing)
        for i in range(3):
            heavy = weighing * np.where((targets[:, i] > 0) & (i == 0), 3.0, 1.0)
            model = LogisticRegression(C=0.5, tol=1e-8).fit(rows, targets[:, i], heavy)
            np.testing.assert_allclose(weight[i], model.coef_[0], atol=5e-3)
            np.testing.assert_allclose(bias[i], model.intercept_[0], atol=5e-3)


def test_numbers_are_standardised_ridge() -> None:
    rows, targets = rng.standard_normal((60, 4)), rng.standard_normal(60) * 3 + 20
    weight, bias = fit_linear(Regression(20.0, 3.0), rows, targets, 2.0)
    ridge = Ridge(alpha=0.25).fit(rows, (targets - 20) / 3)
    np.testing.assert_allclose(weight[0], ridge.coef_)
    np.testing.assert_allclose(bias, [ridge.intercept_])


def test_one_class_alone_is_the_likeliest_whatever_its_number() -> None:
    for only, n_classes in ((0, 2), (1, 2), (2, 3), (3, 5)):
        weight, bias = fit_linear(SingleLabel(list(range(n_classes))), np.ones((3, 4)), np.full(3, only), 1.0)
        assert weight.shape == (n_classes, 4)
        assert bias.argmax() == only
        assert len(logistic(np.ones((3, 4)), np.full(3, only), 1.0)[1]) == max(2, only + 1)
