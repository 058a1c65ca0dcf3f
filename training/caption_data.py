"""What the captioner trains on: its word vocabulary, captions as tokens, batches of both kinds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from concepts import Embedder
from features import grid_file
from phrases import class_texts, words
from pictures import LABELLED, read_set
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import PreTrainedTokenizerFast

PAD, UNK, BOS, EOS = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
MAX_TOKENS = 40
LEAST = 7  # a word that captions use less often is not said
# How often each labelled set is drawn. Things that captions lack come first; people who do things
# are in Flickr8k, where short phrases would only make captions poorer.
SHARES = {"imagenet1k-one-each": 0.55, "caltech101": 0.25, "scenes6": 0.1, "sports100": 0.1}
SIDES = frozenset({"left", "right"})


def caption_words(text: str) -> list[str]:
    """Words as the captioner writes them: possessives joined, no punctuation."""
    return words(text.replace(" 's", "'s"))


def build_tokenizer(captions: list[list[str]], names: list[list[str]]) -> PreTrainedTokenizerFast:
    """Make a vocabulary: words that captions use `LEAST` times, all of `names`, and letters."""
    counts = Counter(word for caption in captions for word in caption)
    frequent = {word for word, count in counts.items() if count >= LEAST}
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


@dataclass(frozen=True)
class Batch:
    """Pictures as the tower saw them, each with one caption; Flickr8k's come first."""

    grids: Tensor  # (pictures, 49, channels)
    embeddings: Tensor  # (pictures, dimension)
    captions: list[list[str]]
    labelled: int  # the first picture of a labelled set


class Data:
    """All training pictures: what the tower saw of them, and captions as token ids."""

    def __init__(self, cache: Path, variant: str, embedder: Embedder) -> None:
        folder = cache / "pictures"
        self.flickr = read_set(folder, "flickr8k")
        self.grids = {
            name: np.load(grid_file(cache, variant, name)) for name in ("flickr8k", *LABELLED)
        }
        self.embeddings = {
            name: torch.cat([embedder.embed(torch.from_numpy(part)) for part in batches(grids)])
            for name, grids in self.grids.items()
        }
        self.train = [i for i, item in enumerate(self.flickr) if item.part == "train"]
        self.dev = [i for i, item in enumerate(self.flickr) if item.part == "dev"]
        self.phrases: dict[str, list[list[list[str]]]] = {}
        self.rows: dict[str, list[int]] = {}
        for name in LABELLED:
            items = read_set(folder, name)
            self.phrases[name] = [
                [caption_words(text) for text in class_texts(item, i)]
                for i, item in enumerate(items)
            ]
            self.rows[name] = [i for i, item in enumerate(items) if item.part == "train"]
        self.captions = [[caption_words(c) for c in item.captions] for item in self.flickr]
        train_captions = [caption for i in self.train for caption in self.captions[i]]
        names = [p for name in LABELLED for texts in self.phrases[name] for p in texts]
        self.tokenizer = build_tokenizer(train_captions, names)
        self.ids = self.tokenizer.get_vocab()

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

    def see(
        self, pictures: list[tuple[str, int]], mirrored: list[bool] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return grids (n, 49, channels) and embeddings of pictures, each a set and its row."""
        flips = mirrored or [False] * len(pictures)
        grids = [
            self.grids[name][row][:, ::-1] if flip else self.grids[name][row]
            for (name, row), flip in zip(pictures, flips, strict=True)
        ]
        embeddings = torch.stack([self.embeddings[name][row] for name, row in pictures])
        return torch.from_numpy(np.stack(grids)).flatten(1, 2).float(), embeddings

    def batch(
        self, rng: np.random.Generator, flickr: list[tuple[int, int]], labelled: int
    ) -> Batch:
        """Gather pictures of Flickr8k with the captions asked for, and some labelled ones.

        Half of the pictures are mirrored, unless the caption tells left from right.
        """
        pictures = [("flickr8k", row) for row, _ in flickr]
        captions = [self.captions[row][number] for row, number in flickr]
        for _ in range(labelled):
            name = str(rng.choice(list(SHARES), p=list(SHARES.values())))
            row = self.rows[name][rng.integers(len(self.rows[name]))]
            pictures.append((name, row))
            captions.append(self.phrases[name][row][rng.integers(len(self.phrases[name][row]))])
        mirrored = [rng.random() < 0.5 and not SIDES & set(caption) for caption in captions]
        return Batch(*self.see(pictures, mirrored), captions, len(flickr))


def batches(rows: np.ndarray, size: int = 256) -> Iterator[np.ndarray]:
    """Cut an array into pieces."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
