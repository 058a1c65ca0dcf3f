"""What the labelled pictures are called in plain English: kinds of ImageNet class, and phrases.

All phrases are ours. `KINDS` groups ImageNet's classes by index under everyday names; `SPORTS`,
`ACTIONS` and `SCENES` say what a class name means as a caption would.
"""

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
        415, 424, 425, 437, 442, 449, 483, 497, 498, 500, 580, 624, 634, 660, 663, 668, 682, 698,
        727, 743, 762, 832, 853, 873, 915,
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
        401, 402, 420, 432, 486, 494, 513, 541, 546, 558, 566, 577, 579, 593, 594, 641, 642, 683,
        684, 687, 699, 776, 822, 875, 881, 889,
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
    "a fish", "a bird", "a frog", "a turtle", "a lizard", "a crocodile", "a snake", "a spider",
    "a crab", "a dog", "a wolf", "a fox", "a cat", "a big cat", "a bear", "an insect",
    "a butterfly", "a rabbit", "a pig", "a cow", "a sheep", "an antelope", "a monkey",
    "an elephant",
)
VEHICLES = (
    "an airplane", "a boat", "a bicycle", "a motorcycle", "a car", "a truck", "a bus", "a train",
)
ANIMAL_RANGES = ((0, 397),)
FOOD_RANGES = ((924, 957), (959, 969))
NATURE_RANGES = (970, 972, 973, 974, (975, 980))

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

SCENES = {
    "buildings": ("a building", "tall buildings in a city", "the front of a large building"),
    "forest": ("a forest with many trees", "trees in a forest", "a path through the woods"),
    "glacier": ("a glacier", "ice and snow on a glacier", "snow and ice in the mountains"),
    "mountain": ("a mountain landscape", "mountains under the sky", "a view of a mountain"),
    "sea": ("the sea", "waves in the ocean", "a view of the sea under the sky"),
    "street": ("a city street", "a street with buildings", "cars and people on a street"),
}

ACTIONS = {
    "calling": ("talking on the phone", "making a phone call"),
    "clapping": ("clapping hands", "applauding"),
    "cycling": ("riding a bicycle", "cycling"),
    "dancing": ("dancing",),
    "drinking": ("drinking", "drinking from a glass"),
    "eating": ("eating", "eating food"),
    "fighting": ("fighting",),
    "hugging": ("hugging",),
    "laughing": ("laughing", "smiling and laughing"),
    "listening_to_music": ("listening to music", "wearing headphones"),
    "running": ("running",),
    "sitting": ("sitting", "sitting down"),
    "sleeping": ("sleeping", "asleep"),
    "texting": ("texting", "looking at a phone"),
    "using_laptop": ("using a laptop", "working on a laptop computer"),
}
PAIRS = ("fighting", "hugging")  # two people are seen

# sport: how a caption says it, where "people doing <name>" would not be English
SPORTS = {
    "air hockey": "people playing air hockey",
    "ampute football": "a man on crutches playing football",
    "archery": "a person shooting an arrow with a bow",
    "arm wrestling": "two men arm wrestling at a table",
    "axe throwing": "a person throwing an axe",
    "balance beam": "a gymnast on a balance beam",
    "barell racing": "a person riding a horse around a barrel",
    "baseball": "a baseball player on the field",
    "basketball": "people playing basketball",
    "baton twirling": "a girl twirling a baton",
    "bike polo": "people on bikes playing polo",
    "billiards": "a person playing pool",
    "bmx": "a boy doing a trick on a bike",
    "bobsled": "a bobsled on an icy track",
    "bowling": "a person bowling",
    "boxing": "two men boxing in a ring",
    "bull riding": "a man riding a bull",
    "bungee jumping": "a person bungee jumping",
    "canoe slamon": "a person in a kayak in rough water",
    "cheerleading": "cheerleaders performing",
    "chuckwagon racing": "horses pulling wagons in a race",
    "cricket": "people playing cricket",
    "croquet": "a person playing croquet on the grass",
    "curling": "people curling on the ice",
    "disc golf": "a person playing disc golf",
    "fencing": "two people fencing",
    "field hockey": "women playing field hockey",
    "figure skating men": "a man figure skating on the ice",
    "figure skating pairs": "a man and a woman figure skating on the ice",
    "figure skating women": "a woman figure skating on the ice",
    "fly fishing": "a man fishing in a river",
    "football": "football players on the field",
    "formula 1 racing": "a race car on the track",
    "frisbee": "a person throwing a frisbee",
    "gaga": "children playing in a pit",
    "giant slalom": "a skier racing down a snowy hill",
    "golf": "a man playing golf",
    "hammer throw": "an athlete throwing a hammer",
    "hang gliding": "a person hang gliding in the sky",
    "harness racing": "horses pulling carts in a race",
    "high jump": "an athlete jumping over a bar",
    "hockey": "hockey players on the ice",
    "horse jumping": "a person on a horse jumping over a fence",
    "horse racing": "jockeys racing horses",
    "horseshoe pitching": "a man throwing a horseshoe",
    "hurdles": "runners jumping over hurdles",
    "hydroplane racing": "a racing boat speeding on the water",
    "ice climbing": "a person climbing a wall of ice",
    "ice yachting": "a sail boat on the ice",
    "jai alai": "a man playing jai alai",
    "javelin": "an athlete throwing a javelin",
    "jousting": "knights jousting on horses",
    "judo": "two people doing judo",
    "lacrosse": "people playing lacrosse",
    "log rolling": "people standing on a log in the water",
    "luge": "a person on a sled on an icy track",
    "motorcycle racing": "a person racing a motorcycle",
    "mushing": "dogs pulling a sled through the snow",
    "nascar racing": "race cars on a track",
    "olympic wrestling": "two men wrestling on a mat",
    "parallel bar": "a gymnast on the parallel bars",
    "pole climbing": "a man climbing a pole",
    "pole dancing": "a woman dancing on a pole",
    "pole vault": "an athlete doing a pole vault",
    "polo": "people playing polo on horses",
    "pommel horse": "a gymnast on a pommel horse",
    "rings": "a gymnast hanging from rings",
    "rock climbing": "a person climbing a rock wall",
    "roller derby": "women on roller skates in a race",
    "rollerblade racing": "people racing on roller blades",
    "rowing": "people rowing a boat on the water",
    "rugby": "people playing rugby",
    "sailboat racing": "sailboats on the water",
    "shot put": "an athlete throwing a shot put",
    "shuffleboard": "people playing shuffleboard",
    "sidecar racing": "two people racing a motorcycle with a sidecar",
    "ski jumping": "a skier jumping through the air",
    "sky surfing": "a person surfing in the sky",
    "skydiving": "people skydiving through the air",
    "snow boarding": "a snowboarder on a snowy hill",
    "snowmobile racing": "a person riding a snowmobile in the snow",
    "speed skating": "people speed skating on the ice",
    "steer wrestling": "a man wrestling a steer",
    "sumo wrestling": "two men sumo wrestling",
    "surfing": "a surfer riding a wave",
    "swimming": "a person swimming in a pool",
    "table tennis": "a person playing table tennis",
    "tennis": "a person playing tennis",
    "track bicycle": "people racing bikes on a track",
    "trapeze": "a person on a trapeze",
    "tug of war": "people pulling on a rope",
    "ultimate": "people playing ultimate frisbee",
    "uneven bars": "a gymnast on the uneven bars",
    "volleyball": "people playing volleyball",
    "water cycling": "people riding water bikes",
    "water polo": "people playing water polo in a pool",
    "weightlifting": "a man lifting a heavy weight",
    "wheelchair basketball": "people in wheelchairs playing basketball",
    "wheelchair racing": "people racing in wheelchairs",
    "wingsuit flying": "a person flying through the air in a wingsuit",
}  # fmt: skip

# Caltech's file-system names, where replacing "_" is not enough
CALTECH = {
    "Faces": "face of a person",
    "Leopards": "leopard",
    "Motorbikes": "motorcycle",
    "airplanes": "airplane",
    "bass": "bass fish",
    "binocular": "pair of binoculars",
    "car_side": "car",
    "cellphone": "cell phone",
    "cougar_body": "cougar",
    "cougar_face": "face of a cougar",
    "crocodile_head": "head of a crocodile",
    "cup": "cup",
    "dollar_bill": "dollar bill",
    "flamingo_head": "head of a flamingo",
    "garfield": "cartoon cat",
    "headphone": "pair of headphones",
    "inline_skate": "roller skate",
    "lotus": "lotus flower",
    "rhino": "rhinoceros",
    "scissors": "pair of scissors",
    "snoopy": "cartoon dog",
    "tick": "tick",
    "water_lilly": "water lily flower",
    "wild_cat": "wild cat",
    "yin_yang": "yin yang symbol",
}
# Caltech's classes under the generic labels
CALTECH_KINDS: dict[str, tuple[str, ...]] = {
    "a person": ("Faces",),
    "a car": ("car_side",),
    "a motorcycle": ("Motorbikes",),
    "an airplane": ("airplanes",),
    "a boat": ("ferry", "ketch", "schooner"),
    "a bird": ("emu", "flamingo", "flamingo_head", "ibis", "pigeon", "rooster"),
    "a dog": ("dalmatian",),
    "an animal": (
        "Leopards", "ant", "bass", "beaver", "butterfly", "cougar_body", "cougar_face", "crab",
        "crayfish", "crocodile", "crocodile_head", "dalmatian", "dolphin", "dragonfly", "elephant",
        "emu", "flamingo", "flamingo_head", "gerenuk", "hawksbill", "hedgehog", "ibis", "kangaroo",
        "llama", "lobster", "mayfly", "nautilus", "octopus", "okapi", "panda", "pigeon", "platypus",
        "rhino", "rooster", "scorpion", "sea_horse", "starfish", "tick", "wild_cat",
    ),
    "an insect": ("ant", "butterfly", "dragonfly", "mayfly"),
    "food": ("pizza", "strawberry"),
    "a flower": ("lotus", "sunflower", "water_lilly"),
    "a musical instrument": (
        "accordion", "electric_guitar", "euphonium", "grand_piano", "mandolin", "saxophone",
    ),
    "a building": ("minaret", "pagoda", "pyramid"),
    "a chair": ("chair", "windsor_chair"),
    "a computer": ("laptop",),
}  # fmt: skip


def indices(ranges: tuple[tuple[int, int] | int, ...]) -> set[int]:
    """Spell out index ranges, both ends included."""
    found: set[int] = set()
    for item in ranges:
        found |= {item} if isinstance(item, int) else set(range(item[0], item[1] + 1))
    return found


def with_article(noun: str) -> str:
    """Put `a` or `an` before a noun, as its spelling suggests."""
    return f"{'an' if noun[0].lower() in 'aeio' else 'a'} {noun}"


def clean(name: str) -> str:
    """Turn a class name into words: no underscores, no bracketed remark, first of alternatives."""
    return name.replace("_", " ").split("(")[0].split(" / ")[0].split(",")[0].strip()
