"""Captions and tags for the training pictures, made from their class names or human captions.

A tag is an everyday label such as `a dog` or `nature`. Each picture knows which tags are true of
it and which are not known; all others are false.
"""

import re
from dataclasses import dataclass

from class_phrases import ACTIONS, CALTECH, CALTECH_IN_HANDS, CALTECH_KINDS, PAIRS, SCENES, SPORTS
from pictures import Item
from vocabulary import (
    ANIMAL_RANGES,
    ANIMALS,
    CAPTION_WORDS,
    FOOD_RANGES,
    KINDS,
    LONELY_RANGES,
    NATURE_RANGES,
    PLANT_RANGES,
    VEHICLES,
    VIEW_RANGES,
    clean,
    indices,
)

from imgcap.labels import with_article

TAGS = tuple(
    dict.fromkeys(
        [
            *KINDS,
            *CAPTION_WORDS,
            *(tag for tag in CALTECH_KINDS),
            "an animal",
            "a vehicle",
            "food",
            "nature",
            "a landscape",
            "a city street",
            "a building",
            "the sea",
            "a forest",
            "sports",
            "a person",
        ]
    )
)
# What a picture of one thing may show besides it, unless the class says otherwise.
USUAL_COMPANY = frozenset({"a person", "nature", "a landscape", "water", "snow", "a building"})
KIND_INDICES = {kind: indices(ranges) for kind, ranges in KINDS.items()}
SCENE_TAGS = {
    "buildings": {"a building"},
    "forest": {"nature", "a landscape", "a forest"},
    "glacier": {"nature", "a landscape", "snow"},
    "mountain": {"nature", "a landscape", "a mountain"},
    "sea": {"nature", "a landscape", "the sea", "water"},
    "street": {"a city street"},
}
SCENE_MAYBE = {
    "buildings": {"a city street", "a landscape", "a car", "a person"},
    "forest": {"water", "snow", "a mountain", "a lake"},
    "glacier": {"a mountain", "water", "the sea", "a lake", "a cliff", "a person", "a boat"},
    "mountain": {"snow", "water", "a lake", "a forest", "a cliff", "the sea"},
    "sea": {"a beach", "a lake", "a boat", "a mountain", "a cliff", "a person"},
    "street": {"a building", "a person", "a car", "a bus", "a bicycle", "a motorcycle", "a truck"},
}

SPORT_MAYBE = {
    *VEHICLES, "a child", "a ball", "a horse", "a vehicle", "a hat", "shoes", "a dog",
    "an animal", "a cow", "the sea", "a mountain",
}  # fmt: skip
ACTION_MAYBE = {
    "a child", "food", "sports", "a computer", "a phone", "a cup of coffee", "a bicycle",
    "a couch", "a chair", "a bed", "a table", "a city street", "a bottle", "a glass of wine",
    "a dress", "a hat", "shoes", "a vehicle",
}  # fmt: skip


@dataclass(frozen=True)
class Tagged:
    """The tags that are true of a picture and those of which nothing is known."""

    true: frozenset[str]
    unknown: frozenset[str]


def words(caption: str) -> list[str]:
    """Lower-case words of a caption, without punctuation."""
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?(?:-[a-z0-9]+)*", caption.lower())


def imagenet_kinds(index: int) -> list[str]:
    """Everyday names of an ImageNet class."""
    return [kind for kind, members in KIND_INDICES.items() if index in members]


def tags_of(item: Item, index: int) -> Tagged:
    """Derive a picture's tags; `index` is its class index within its set."""
    if item.name == "flickr8k":
        return _tags_of_captions(item)
    if item.name == "imagenet1k-one-each":
        return _tags_of_imagenet(index)
    if item.name == "scenes6":
        return _complete(SCENE_TAGS[item.label], SCENE_MAYBE[item.label])
    unknown = set(USUAL_COMPANY)
    if item.name == "sports100":
        return _complete({"sports"}, unknown | SPORT_MAYBE)
    if item.name == "actions15":
        true = {"a person", "food"} if item.label == "eating" else {"a person"}
        return _complete(true, (unknown | ACTION_MAYBE) - true)
    return _tags_of_caltech(item.label)


def _tags_of_caltech(label: str) -> Tagged:
    true, unknown = {kind for kind, labels in CALTECH_KINDS.items() if label in labels}, set()
    unknown |= {"nature", "a landscape", "water"} if true & {"an animal", "a boat"} else set()
    unknown |= {"a person"} if label in CALTECH_IN_HANDS else set()
    if "an animal" in true:
        unknown |= {"a cat", "a big cat", "a fish", "a crab", "food"}
    return _complete(true, unknown)


def _tags_of_imagenet(index: int) -> Tagged:
    """Tag a class by its kinds and by where it stands among ImageNet's 1,000."""
    true, unknown = set(imagenet_kinds(index)), {*USUAL_COMPANY, "sports", "a vehicle"}
    for tag, ranges in (("an animal", ANIMAL_RANGES), ("food", FOOD_RANGES)):
        if index in indices(ranges):
            true.add(tag)
    if index in indices(NATURE_RANGES):
        true |= {"nature", "a landscape"}
    if index in indices(PLANT_RANGES):
        true.add("nature")
    if index in indices(VIEW_RANGES):
        true.add("a landscape")
    if index in indices(LONELY_RANGES):
        unknown -= {"a person", "a building", "sports", "a vehicle"}
    return _complete(true, unknown)


def _tags_of_captions(item: Item) -> Tagged:
    texts = [frozenset(words(caption)) for caption in item.captions]
    seen = {tag: sum(bool(text & hits) for text in texts) for tag, hits in CAPTION_WORDS.items()}
    true = {tag for tag, count in seen.items() if count >= 2}
    unknown = {tag for tag, count in seen.items() if count == 1}
    unknown |= set(KINDS) - set(ANIMALS) - set(VEHICLES)
    unknown |= {"nature", "a landscape", "a building", "a city street", "the sea", "a forest"}
    return _complete(true, unknown)


def _complete(true: set[str], unknown: set[str]) -> Tagged:
    """Add what follows from the true tags: a dog is an animal, a car a vehicle."""
    true = set(true)
    if true & {*ANIMALS, "a horse"}:
        true.add("an animal")
    if true & set(VEHICLES):
        true.add("a vehicle")
    if true & {"a pizza", "fruit", "vegetables", "bread", "dessert", "a sandwich"}:
        true.add("food")
    if true & {"a cup of coffee", "a bowl of soup", "a glass of wine"}:
        true.add("food")
    if "a child" in true:
        true.add("a person")
    return Tagged(frozenset(true & set(TAGS)), frozenset(unknown - true))


def class_texts(item: Item, index: int) -> list[str]:
    """Phrases that a caption of a labelled picture may use."""
    if item.name == "sports100":
        return [SPORTS[item.label]]
    if item.name == "scenes6":
        return list(SCENES[item.label])
    if item.name == "actions15":
        who = "two people" if item.label in PAIRS else "a person"
        return [f"{who} {action}" for action in ACTIONS[item.label]]
    if item.name == "caltech101":
        return [with_article(CALTECH.get(item.label, clean(item.label)))]
    noun = with_article(clean(item.label).lower())
    kinds = imagenet_kinds(index)
    return [*kinds, *kinds, noun]
