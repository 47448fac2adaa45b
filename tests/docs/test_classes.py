"""The budgets of CONTRIBUTING that concern classes, held for every class of the package."""

import importlib
import inspect
import pkgutil

import pytest

import spacetune

MOST_ABOVE = 2


def own_classes() -> list[type]:
    """Return every class that a module of the package defines."""
    found: list[type] = []
    for module in pkgutil.walk_packages(spacetune.__path__, "spacetune."):
        if module.name.endswith("__main__"):
            continue
        try:
            names = vars(importlib.import_module(module.name))
        except ModuleNotFoundError:  # an extra that is not installed here
            continue
        found += [c for c in names.values() if inspect.isclass(c) and c.__module__ == module.name]
    return found


def ours_above(made: type) -> list[type]:
    return [above for above in made.__mro__[1:] if above.__module__.startswith("spacetune")]


def overridden(made: type) -> list[str]:
    """Return the methods of its own by which a class replaces one that is implemented above it."""
    return [
        f"{made.__qualname__}.{name} of {above.__qualname__}"
        for above in ours_above(made)
        if not getattr(above, "_is_protocol", False)
        for name, method in vars(above).items()
        if name in vars(made)
        and inspect.isfunction(method)
        and not name.startswith("__")
        and not getattr(method, "__isabstractmethod__", False)
    ]


@pytest.fixture(scope="module")
def classes() -> list[type]:
    return own_classes()


def test_all_classes_are_seen(classes: list[type]) -> None:
    assert {"SpaceClassifier", "FitReport", "Dissection", "UpperLayers"} <= {made.__name__ for made in classes}


def test_no_class_has_more_than_two_of_ours_above_it(classes: list[type]) -> None:
    assert [made.__qualname__ for made in classes if len(ours_above(made)) > MOST_ABOVE] == []


def test_no_implemented_method_is_overridden(classes: list[type]) -> None:
    assert [found for made in classes for found in overridden(made)] == []


def test_an_overridden_method_would_be_found() -> None:
    class Above:
        def told(self) -> int:
            return 1

    class Below(Above):
        def told(self) -> int:
            return 2

    Above.__module__ = Below.__module__ = "spacetune.made_here"
    assert [found.rsplit(".", 1)[1] for found in overridden(Below)] == ["Above"]
