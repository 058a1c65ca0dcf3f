"""What is said beside a map of relevance: where, by which method, and what it does not mean."""

from html import escape

from imgcap.inference import Relevance, WordRelevance
from imgcap.inference.relevance import Box
from imgcap.overlay import AGAINST, FOR, WORD, Colour, where
from imgcap.percentages import percent
from imgcap.widgets.elements import plain

NOWHERE = "No place stands out."
CAVEAT = (
    "The map shows where, not why, and not whether the answer is right. "
    "Its strongest colour is its strongest place, however weak that is."
)
_LEAST_SIDE = 0.1
_LEAST_SHARE = 0.01
_CONCEPTS = 3


def subject(answer: Relevance | WordRelevance, word: int) -> str:
    """Return the label or the word that is explained."""
    return answer.label if isinstance(answer, Relevance) else answer.words[word]


def told(answer: Relevance | WordRelevance, word: int) -> str:
    """Say what the map shows, for those who do not see it."""
    if isinstance(answer, WordRelevance):
        place = where(answer.maps[word], answer.box)
        return f"Matters most to “{plain(answer.words[word])}”: {place}." if place else NOWHERE
    peak = abs(answer.map).max()
    sides = [("for", answer.map), ("against", -answer.map)]
    sentences = [
        f"Speaks {side} it most: {where(grid, answer.box)}."
        for side, grid in sides
        if grid.max() > _LEAST_SIDE * peak
    ]
    return " ".join(sentences) or NOWHERE


def legend(answer: Relevance | WordRelevance) -> str:
    """Return the markup of the colour scale, with what its ends mean."""
    if isinstance(answer, WordRelevance):
        return _scale("matters little to the word", "matters most", _clear(WORD), _css(WORD))
    if (answer.map < 0).any():
        return _scale("speaks against it", "for it", _css(AGAINST), _clear(FOR), _css(FOR))
    return _scale("says little", "speaks for it", _clear(FOR), _css(FOR))


def note(answer: Relevance | WordRelevance, word: int) -> str:
    """Return the markup that names method and model, and what the map does not mean."""
    origin = ""
    if isinstance(answer, WordRelevance) and answer.place_shares:
        origin = f"<p>{escape(plain(read_from(answer, word)))}</p>"
    unseen = "" if _is_whole(answer.box) else " The model did not see what is striped."
    how = f"{answer.method[:1].upper()}{answer.method[1:]} by {answer.model}, {answer.ms:,.0f} ms."
    return f'{origin}<p class="imgcap-muted">{escape(plain(how))} {CAVEAT}{unseen}</p>'


def read_from(answer: WordRelevance, word: int) -> str:
    """Say what a word was read from: places, named concepts, the picture as a whole."""
    shares = answer.concept_shares[word] if answer.concept_shares else ()
    named = sorted(zip(answer.concepts, shares, strict=True), key=lambda pair: -pair[1])
    parts = [
        ("places", answer.place_shares[word]),
        *((f"the concept “{name}”", share) for name, share in named[:_CONCEPTS]),
    ]
    rest = 1 - sum(share for _, share in parts)
    parts.append(("what else it knew of the picture", rest))
    said = [f"{name} {percent(share)}" for name, share in parts if share >= _LEAST_SHARE]
    return f"Read from: {', '.join(said)}."


def _scale(least: str, most: str, *colours: str) -> str:
    bar = (
        f'<i aria-hidden="true" style="background:linear-gradient(to right, {", ".join(colours)})">'
    )
    return f'<p class="imgcap-scale"><span>{least}</span>{bar}</i><span>{most}</span></p>'


def _css(colour: Colour) -> str:
    return f"rgb({' '.join(map(str, colour))})"


def _clear(colour: Colour) -> str:
    return f"rgb({' '.join(map(str, colour))} / 0)"


def _is_whole(box: Box) -> bool:
    left, top, right, bottom = box
    return left <= 0 and top <= 0 and right >= 1 and bottom >= 1
