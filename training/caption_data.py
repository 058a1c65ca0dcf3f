"""What the captioner trains on: its word vocabulary, captions as tokens, batches of both kinds."""

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from features import grid_file
from phrases import class_texts, words
from pictures import LABELLED, Item, read_set
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import PreTrainedTokenizerFast

PAD, UNK, BOS, EOS = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
MAX_TOKENS = 40
SIDES = frozenset({"left", "right"})


def caption_words(text: str) -> list[str]:
    """Words as the captioner writes them: possessives joined, no punctuation."""
    return words(text.replace(" 's", "'s"))


def build_tokenizer(captions: list[list[str]], names: list[list[str]]) -> PreTrainedTokenizerFast:
    """Make a word vocabulary: words of captions seen 4 times, all of `names`, and letters."""
    counts = Counter(word for caption in captions for word in caption)
    frequent = {word for word, count in counts.items() if count >= 4}
    frequent |= {word for name in names for word in name}
    letters = sorted({letter for word in counts for letter in word})
    vocabulary = [PAD, UNK, BOS, EOS, *sorted(frequent, key=lambda w: (-counts[w], w))]
    vocabulary += [piece for piece in letters if piece not in frequent]
    vocabulary += [f"##{letter}" for letter in letters]
    ids = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=UNK, max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(" 's", "'s"),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex("[^a-z0-9'-]"), "removed"),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}", special_tokens=[(BOS, ids[BOS]), (EOS, ids[EOS])]
    )
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNK,
        cls_token=BOS,
        sep_token=EOS,
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
    )


class Data:
    """All training pictures: cached grids, and captions as token ids."""

    def __init__(self, cache: Path, variant: str) -> None:
        folder = cache / "pictures"
        self.flickr = read_set(folder, "flickr8k")
        self.grids = {
            name: np.load(grid_file(cache, variant, name), mmap_mode="r")
            for name in ("flickr8k", *LABELLED)
        }
        self.train = [i for i, item in enumerate(self.flickr) if item.part == "train"]
        self.dev = [i for i, item in enumerate(self.flickr) if item.part == "dev"]
        self.phrases: dict[str, list[list[list[str]]]] = {}
        self.rows: dict[str, list[int]] = {}
        for name in LABELLED:
            items = read_set(folder, name)
            labels = list(dict.fromkeys(item.label for item in items))
            self.phrases[name] = [
                [caption_words(text) for text in class_texts(item, self._index(item, i, labels))]
                for i, item in enumerate(items)
            ]
            self.rows[name] = [i for i, item in enumerate(items) if item.part == "train"]
        self.captions = [[caption_words(c) for c in item.captions] for item in self.flickr]
        train_captions = [caption for i in self.train for caption in self.captions[i]]
        names = [p for name in LABELLED for texts in self.phrases[name] for p in texts]
        self.tokenizer = build_tokenizer(train_captions, names)
        self.ids = self.tokenizer.get_vocab()

    @staticmethod
    def _index(item: Item, row: int, labels: list[str]) -> int:
        return row if item.name == "imagenet1k-one-each" else labels.index(item.label)

    def pad(self, captions: list[list[str]]) -> tuple[Tensor, Tensor]:
        """Token ids (n, longest) and targets, where unknown words are not asked for (-100)."""
        unk = self.ids[UNK]
        rows = [
            [2, *(self.ids.get(word, unk) for word in caption[: MAX_TOKENS - 2]), 3]
            for caption in captions
        ]
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        return ids, ids.masked_fill((ids == 0) | (ids == unk), -100)

    def batch(
        self, rng: np.random.Generator, flickr: list[int], labelled: int
    ) -> tuple[Tensor, Tensor, list[list[str]], int]:
        """Grids of pictures, the picture of each caption, captions; flickr's captions first."""
        grids, owner, captions = [], [], []
        for picture, i in enumerate(flickr):
            texts = self.captions[i]
            mirrored = rng.random() < 0.5 and not any(SIDES & set(text) for text in texts)
            grid = self.grids["flickr8k"][i]
            grids.append(grid[:, ::-1] if mirrored else grid)
            owner += [picture] * len(texts)
            captions += texts
        asked = len(captions)
        for _ in range(labelled):
            name = LABELLED[rng.integers(len(LABELLED))]
            i = self.rows[name][rng.integers(len(self.rows[name]))]
            grid = self.grids[name][i]
            grids.append(grid[:, ::-1] if rng.random() < 0.5 else grid)
            owner.append(len(grids) - 1)
            texts = self.phrases[name][i]
            captions.append(texts[rng.integers(len(texts))])
        return torch.from_numpy(np.stack(grids)), torch.tensor(owner), captions, asked
