"""What a user wrote stays text, also inside an attribute."""

from __future__ import annotations

import pytest

from spacetune.reports.markup import Markup, json_script, tag


@pytest.mark.parametrize("value", ['say "no"', "it's", 'x" onload="y', "<b>&amp;", "'\"&<>"])
def test_no_character_ends_an_attribute_early(value: str) -> None:
    written = tag("p", title=value)
    inside = written.removeprefix('<p title="').removesuffix('"></p>')
    assert not set("\"'<>") & set(inside)
    assert "&amp;" in inside if "&" in value else True
    assert tag("p", value).count("<") == 2


def test_attributes_that_are_flags_or_nothing() -> None:
    assert tag("input", disabled=True, checked=False, name=None, data_n=0) == '<input disabled data-n="0">'
    assert tag("p", Markup("<b>x</b>"), None, ["a", Markup("<i>")]) == "<p><b>x</b>a<i></p>"
    assert json_script('"', id_='a"b').startswith('<script id="a&#34;b" type="application/json">')
