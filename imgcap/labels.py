"""Candidate labels: reading lists of them, the label sets of the project, and prompt templates."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from imgcap.settings import Settings

FIRST_SET = "seed"
MAX_LABELS = 2_000
MAX_LABEL_LENGTH = 200

DEFAULT_TEMPLATES = ("a photo of {}",)
ENSEMBLE_TEMPLATES = (
    "a photo of {}",
    "a picture of {}",
    "a close-up photo of {}",
    "a photo of {} outdoors",
    "a snapshot showing {}",
)

_DETERMINERS = frozenset(
    "a an the this that these those some any many several few no one two three four five six seven"
    " eight nine ten my your his her its our their someone somebody something".split()
)
_PREPOSITIONS = frozenset(
    "of in on at with by from for to near under over behind beside between against during after"
    " before through into inside outside around along across without".split()
)
_MASS_NOUNS = frozenset(
    "nature food water grass snow sand bread rice rain fire ice smoke fog mist hail lightning"
    " furniture art graffiti jewelry jewellery sushi pasta soup coffee tea beer wine milk juice"
    " traffic music scenery text clothing luggage wood meat cheese chocolate cream butter honey"
    " pork beef seafood sport soccer football basketball baseball volleyball tennis golf rugby"
    " cricket badminton hockey polo chess gymnastics athletics yoga ballet karate judo sumo"
    " fencing surfing night darkness weather wildlife vegetation foliage architecture scaffolding"
    " underwear footwear glassware pottery equipment machinery toast salad corn garlic broccoli"
    " spinach lettuce cabbage cauliflower spaghetti ramen tofu bacon fruit metal plastic concrete"
    " stone air space agriculture science technology education medicine fashion sunshine mud"
    " gold silver people children men women mice geese feet teeth police cattle sheep deer fish"
    " water-polo rowing wrestling bowling archery lacrosse squash luge hummus candy".split()
)
_SINGULAR_IN_S = frozenset(
    "bus gas lens atlas canvas iris octopus cactus walrus hippopotamus platypus rhinoceros"
    " campus circus virus compass chaos christmas minibus trolleybus pancreas brassiere asparagus"
    " crocus hibiscus papyrus nautilus abacus chrysalis mantis trellis cosmos albatross".split()
)
_NOUNS_IN_ING = frozenset(
    "building painting drawing ring king wing string spring thing sling ceiling railing wedding"
    " clothing earring crossing landing meeting dressing awning pudding dumpling duckling gosling"
    " wing offspring parking evening morning viking swing lightning icing frosting herring"
    " sibling sapling opening warning wiring".split()
)
_DOING = frozenset(  # take an object without an article, and make no compounds ("using laptop")
    "using holding wearing doing throwing catching kicking pulling pushing petting feeding".split()
)
_PICTURE_PREFIX = re.compile(
    r"^(?:an?|the)\s+(?:[\w-]+\s+)?(?:photo|photograph|picture|image|snapshot"
    r"|close-up)\s+(?:of|showing)\s+(?=\S)",
    re.IGNORECASE,
)
_VOWEL_SOUND = re.compile(
    r"^(?:hour|honest|honou?r|heir|8|11(?!\d)|18(?!\d)|[aeio]|u(?!ni(?!n|m)|s[aeiu]|k|r[aeiou]|t[aeiou]"
    r"|biq|ter|fo\b))",
    re.IGNORECASE,
)
_CONSONANT_SOUND = re.compile(r"^(?:eu|ewe|ewer|one\b|once|oui)", re.IGNORECASE)
_SPELLED_OUT = re.compile(r"^(?:[A-Z]{2,5}\b|[A-Z]-)")


class LabelError(ValueError):
    """A list of candidate labels that cannot be used; the text is one sentence for a person."""


def parse_labels(text: str, *, source: str = "the label list") -> tuple[str, ...]:
    """Read candidate labels from free text: one a line, or separated by commas.

    A line that starts with ``#`` is a comment. Spaces are tidied and the order is kept.

    Parameters
    ----------
    text : str
        What a person typed or what a label file holds.
    source : str
        How an error sentence names the list.

    Raises
    ------
    LabelError
        If no label is left, one repeats (letter case aside), one is longer than
        ``MAX_LABEL_LENGTH`` characters, or there are more than ``MAX_LABELS``.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    parts = (part for line in lines for part in line.split(","))
    return check_labels([part for part in parts if part.strip()], source=source)


def check_labels(labels: Iterable[str], *, source: str = "the label list") -> tuple[str, ...]:
    """Tidy the spaces of each label and refuse a list that no classifier should be asked.

    Raises
    ------
    LabelError
        As for `parse_labels`, and for an empty label.
    """
    seen: dict[str, str] = {}
    for raw in labels:
        label = " ".join("".join(c if c.isprintable() else " " for c in raw).split())
        if not label:
            raise LabelError(f"One of the labels in {source} is empty: remove it or write a word.")
        if len(label) > MAX_LABEL_LENGTH:
            raise LabelError(
                f"The label “{label[:30]}…” in {source} is {len(label):,} characters long; "
                f"{MAX_LABEL_LENGTH} is the most."
            )
        if label.casefold() in seen:
            raise LabelError(f"The label “{label}” is in {source} more than once.")
        seen[label.casefold()] = label
        if len(seen) > MAX_LABELS:
            raise LabelError(f"There are too many labels in {source}: {MAX_LABELS:,} is the most.")
    if not seen:
        raise LabelError(f"There is no label in {source}: give at least one.")
    return tuple(seen.values())


def read_labels(path: Path) -> tuple[str, ...]:
    """Read a label file: UTF-8 text as `parse_labels` takes it.

    Raises
    ------
    LabelError
        If the file cannot be read as text, or its list is refused by `parse_labels`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise LabelError(f"The label file {path} could not be read: {reason}.") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"The label file {path} is not UTF-8 text.") from error
    return parse_labels(text, source=path.name)


def first_labels(settings: Settings) -> Path:
    """Return the file of the labels that the app starts with; it may be missing."""
    return settings.data / "labels" / f"{FIRST_SET}.txt"


def label_sets(settings: Settings | None = None) -> dict[str, Path]:
    """Return the label sets that come with the project: name to text file, by name.

    Labels are read with `read_labels` when they are needed.
    """
    folder = (settings or Settings()).data / "labels"
    return {path.stem: path for path in sorted(folder.glob("*.txt"))}


def subject(label: str) -> str:
    """Return what a label names: ``"a photo of a cat"`` -> ``"a cat"``, all else as it is.

    Underscores, which data sets put into class names, become spaces.
    """
    return _PICTURE_PREFIX.sub("", label.replace("_", " "))


def with_article(label: str) -> str:
    """Return the label as it stands in an English sentence: ``"cat"`` -> ``"a cat"``.

    Phrases that bring their own determiner, plurals and mass nouns stay as they are, an activity
    gets the person who does it, and a leading "a photo of" is dropped.
    """
    phrase = subject(label).strip()
    words = phrase.lower().split()
    if not words or words[0] in _DETERMINERS or words[0].isdigit():
        return phrase
    if _is_activity(words):
        return f"a person {phrase}"
    if _takes_no_article(_head_noun(words)):
        return phrase
    return f"{_article(phrase)} {phrase}"


def fill(template: str, label: str) -> str:
    """Write one label into one prompt template.

    ``{}`` (or ``{label}``) is replaced by the label with its article, so that
    ``"a photo of {}"`` serves ``"cat"`` and ``"a person riding a horse"`` alike. A label that
    already says "a photo of ..." is left alone by a template that would only say so again.

    Raises
    ------
    LabelError
        If the template has no place for the label.
    """
    place = "{label}" if "{label}" in template else "{}"
    if place not in template:
        raise LabelError(f"The prompt template “{template[:60]}” has no {{}} for the label.")
    if place == template.strip():
        return label
    if _PICTURE_PREFIX.match(label) and template.rstrip().endswith(place):
        return label
    return template.replace(place, with_article(label))


def prompts(label: str, templates: Sequence[str] = DEFAULT_TEMPLATES) -> tuple[str, ...]:
    """Fill every template with one label; equal prompts appear once, in template order."""
    if not templates:
        raise LabelError("At least one prompt template is needed.")
    return tuple(dict.fromkeys(fill(template, label) for template in templates))


def _head_noun(words: Sequence[str]) -> str:
    for index, word in enumerate(words):
        if index and word in _PREPOSITIONS:
            return words[index - 1]
    return words[-1]


def _is_activity(words: Sequence[str]) -> bool:
    if not words[0].endswith("ing") or words[0] in _NOUNS_IN_ING or len(words) < 2:  # noqa: PLR2004
        return False
    return words[0] in _DOING or words[1] in _DETERMINERS or words[1] in _PREPOSITIONS


def _takes_no_article(noun: str) -> bool:
    if noun in _MASS_NOUNS:
        return True
    if noun.endswith("ing"):
        return len(noun) > 4 and noun not in _NOUNS_IN_ING  # noqa: PLR2004
    if noun.endswith(("ss", "us", "is", "'s")) or noun in _SINGULAR_IN_S:
        return False
    return len(noun) > 3 and noun.endswith("s")  # noqa: PLR2004


def _article(phrase: str) -> str:
    if _SPELLED_OUT.match(phrase):
        return "an" if phrase[0] in "AEFHILMNORSX" else "a"
    if _CONSONANT_SOUND.match(phrase):
        return "a"
    return "an" if _VOWEL_SOUND.match(phrase) else "a"
