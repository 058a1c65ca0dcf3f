"""Everyday words: kinds of ImageNet class by index, and the caption words that show a thing."""

# kind: (index ranges, both ends included, and single indices)
KINDS: dict[str, tuple[tuple[int, int] | int, ...]] = {
    "a fish": ((0, 6), (389, 397)),
    "a bird": ((7, 24), (80, 100), (127, 146)),
    "a frog": ((30, 32),),
    "a turtle": ((33, 37),),
    "a lizard": ((38, 48),),
    "a crocodile": (49, 50),
    "a snake": ((52, 68),),
    "a spider": ((72, 77),),
    "a crab": ((118, 121), 125),
    "a dog": ((151, 268),),
    "a wolf": ((269, 272),),
    "a fox": ((277, 280),),
    "a cat": ((281, 285),),
    "a big cat": ((286, 293),),
    "a bear": ((294, 297),),
    "an insect": ((300, 320),),
    "a butterfly": ((321, 326),),
    "a rabbit": ((330, 332),),
    "a horse": (339, 603),
    "a pig": ((341, 343),),
    "a cow": ((345, 347),),
    "a sheep": ((348, 350),),
    "an antelope": ((351, 353),),
    "a monkey": ((365, 384),),
    "an elephant": (101, (385, 386)),
    "an airplane": (404, 895, 908),
    "a boat": (472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 833, 871, 914),
    "a bicycle": (444, 671),
    "a motorcycle": (665, 670),
    "a car": (407, 436, 468, 511, 609, 627, 656, 661, 717, 734, 751, 817),
    "a truck": (555, 569, 675, 717, 864, 867),
    "a bus": (654, 779, 874),
    "a train": (466, 547, 565, 705, 820, 829),
    "a building": (
        415,
        424,
        425,
        437,
        442,
        449,
        483,
        497,
        498,
        500,
        580,
        624,
        634,
        660,
        663,
        668,
        682,
        698,
        727,
        743,
        762,
        832,
        853,
        873,
        915,
    ),
    "a bridge": (821, 839, 888),
    "a chair": (423, 559, 765, 857),
    "a bed": (520, 564),
    "a table": (532, 736),
    "a couch": (831,),
    "a computer": (508, 527, 590, 620, 664, 673, 681, 782, 810),
    "a phone": (487, 528, 707),
    "a television": (598, 851),
    "a camera": (732, 759),
    "a clock": (409, 530, 531, 604, 892),
    "a guitar": (402, 420, 546),
    "a piano": (579, 881),
    "a musical instrument": (
        401,
        402,
        420,
        432,
        486,
        494,
        513,
        541,
        546,
        558,
        566,
        577,
        579,
        593,
        594,
        641,
        642,
        683,
        684,
        687,
        699,
        776,
        822,
        875,
        881,
        889,
    ),
    "a cup of coffee": (504, 967),
    "a bottle": (440, 737, 898, 907),
    "a glass of wine": (966, 572),
    "a bowl of soup": (809, 925, 926),
    "a hat": (439, 515, 518, 560, 667, 808),
    "a dress": (400, 578, 601, 614, 655, 689),
    "shoes": (502, 514, 630, 770, 774, 788),
    "a bag": (414, 636, 728, 748),
    "a ball": (429, 430, 522, 574, 722, 746, 768, 805, 852, 890),
    "a wedding dress": (982,),
    "dessert": ((927, 929), 960),
    "bread": ((930, 932), 961),
    "a sandwich": ((933, 934), 965),
    "a pizza": (963,),
    "vegetables": ((936, 947),),
    "fruit": ((948, 957),),
    "a mushroom": ((991, 997), 947),
    "a flower": (985, 986),
    "a mountain": (970, 979, 980),
    "a beach": (977, 978),
    "a lake": (975,),
    "a cliff": (972, 976),
}

ANIMALS = (
    "a fish",
    "a bird",
    "a frog",
    "a turtle",
    "a lizard",
    "a crocodile",
    "a snake",
    "a spider",
    "a crab",
    "a dog",
    "a wolf",
    "a fox",
    "a cat",
    "a big cat",
    "a bear",
    "an insect",
    "a butterfly",
    "a rabbit",
    "a pig",
    "a cow",
    "a sheep",
    "an antelope",
    "a monkey",
    "an elephant",
)
VEHICLES = (
    "an airplane",
    "a boat",
    "a bicycle",
    "a motorcycle",
    "a car",
    "a truck",
    "a bus",
    "a train",
)
ANIMAL_RANGES = ((0, 397),)
FOOD_RANGES = ((924, 957), (959, 969))
NATURE_RANGES = (970, 972, 973, 974, (975, 980))
PLANT_RANGES = ((984, 997),)
# Buildings and bridges that are photographed from afar: among everyday labels, a landscape.
VIEW_RANGES = (
    425, 437, 442, 449, 460, 483, 497, 500, 525, 536, 649, 663, 668, 682, 698, 718, 821, 832, 839,
    853, 873, 888, 900, 915,
)  # fmt: skip
# Classes whose pictures hardly ever show a person.
LONELY_RANGES = (
    *ANIMAL_RANGES, *FOOD_RANGES, *NATURE_RANGES, *PLANT_RANGES, *VIEW_RANGES, (504, 505),
)  # fmt: skip

PERSON_WORDS = frozenset(
    "man men woman women boy boys girl girls child children kid kids person people baby toddler "
    "lady guy player players crowd couple family someone adult adults rider surfer skier "
    "snowboarder climber biker cyclist skateboarder runner hiker swimmer dancer".split()
)
# generic label: the caption words that show it
CAPTION_WORDS: dict[str, frozenset[str]] = {
    "a person": PERSON_WORDS,
    "a child": frozenset("boy boys girl girls child children kid kids baby toddler".split()),
    "a dog": frozenset("dog dogs puppy puppies".split()),
    "a cat": frozenset("cat cats kitten".split()),
    "a bird": frozenset("bird birds duck ducks seagull seagulls pigeons geese".split()),
    "a horse": frozenset("horse horses pony".split()),
    "a car": frozenset("car cars automobile taxi".split()),
    "a bicycle": frozenset("bike bikes bicycle bicycles biker bicyclist cyclist".split()),
    "a motorcycle": frozenset("motorcycle motorbike motorcyclist motorcycles".split()),
    "a boat": frozenset("boat boats kayak canoe sailboat raft".split()),
    "a beach": frozenset("beach shore".split()),
    "a mountain": frozenset("mountain mountains mountainside cliff peak".split()),
    "food": frozenset("food eating eats cake meal pizza sandwich dinner lunch plate".split()),
    "sports": frozenset(
        "soccer football baseball basketball tennis hockey rugby volleyball lacrosse wrestling "
        "skateboarding skateboarder snowboarding snowboarder skiing skier surfing surfer surfboard "
        "kayaking race racing wakeboarding gymnast karate boxing motocross climber".split()
    ),
    "nature": frozenset(
        "mountain mountains ocean lake forest river waterfall woods desert sunset cliff".split()
    ),
    "snow": frozenset("snow snowy".split()),
    "water": frozenset("water ocean lake pool river sea waves wave".split()),
    "a city street": frozenset("street city sidewalk downtown".split()),
    "a ball": frozenset("ball soccer football basketball baseball tennis".split()),
}


def indices(ranges: tuple[tuple[int, int] | int, ...]) -> set[int]:
    """Spell out index ranges, both ends included."""
    found: set[int] = set()
    for item in ranges:
        found |= {item} if isinstance(item, int) else set(range(item[0], item[1] + 1))
    return found


def clean(name: str) -> str:
    """Turn a class name into words: no underscores, no bracketed remark, first of alternatives."""
    return name.replace("_", " ").split("(")[0].split(" / ")[0].split(",")[0].strip()
