"""The colours of the page are far enough apart for those who see less."""

import re
from itertools import product

import pytest

from imgcap.widgets import elements

CSS = elements.style_sheet().value
LIGHT, DARK = (
    dict(re.findall(r"--imgcap-([\w-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{([^}]*?--imgcap-text[^}]*)\}", CSS)
)
TEXT, EDGE = 4.5, 3.0
"""Least contrast of text, and of what shows where a control is (WCAG 2.2, 1.4.3 and 1.4.11)."""
GROUNDS = ("page", "surface", "sunken")
PAIRS = [
    *((TEXT, *pair) for pair in product(("text", "muted", "accent", "danger"), GROUNDS)),
    (TEXT, "on-accent", "accent"),
    *((EDGE, *pair) for pair in product(("field", "accent"), GROUNDS)),
]


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, as WCAG defines it."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_defined() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("least", "ink", "ground"), PAIRS)
def test_what_is_drawn_stands_out(
    theme: dict[str, str], least: float, ink: str, ground: str
) -> None:
    assert contrast(theme[ink], theme[ground]) >= least


def test_both_themes_have_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert LIGHT != DARK


def test_every_variable_of_ours_is_defined() -> None:
    used = set(re.findall(r"var\((--imgcap-[\w-]+)\)", CSS))
    assert used <= set(re.findall(r"(--imgcap-[\w-]+):", CSS))
