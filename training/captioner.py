"""Train the embedded captioner: cross-entropy on captions, then CIDEr itself (self-critical).

The tower is frozen up to its head; its cached grids are the input. Self-critical training follows
Rennie et al., "Self-critical sequence training for image captioning" (2017), with the other
samples of a picture as the baseline (Kool et al., "Buy 4 REINFORCE samples, get a baseline for
free!", 2019).
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from cider import CiderD
from features import grid_file
from phrases import class_texts, words
from pictures import LABELLED, Item, read_set
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from torch.nn import functional as F
from tower import build_tower, vision_config
from transformers import PreTrainedTokenizerFast

from imgcap.inference.embedded import GridCaptioner, GridCaptionerConfig

PAD, UNK, BOS, EOS = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
WIDTH, LAYERS, HEADS = 256, 3, 8
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


def build_model(variant: str, vocabulary: int) -> GridCaptioner:
    """Build the captioner with the published tower and everything else at random."""
    vision = vision_config(variant, WIDTH).to_dict() | {
        "model_type": "imgcap-grid-encoder",
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": HEADS,
        "attention_dropout": 0.1,
    }
    text = {
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.2,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.03,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
    }
    model = GridCaptioner(GridCaptionerConfig(vision_config=vision, text_config=text))
    tower = build_tower(variant, WIDTH)
    model.vision_model.tower.load_state_dict(tower.state_dict())
    torch.nn.init.normal_(model.vision_model.position_embedding, std=0.02)
    model.requires_grad_(True)
    model.vision_model.tower.requires_grad_(False)
    head(model).expansion.expand_conv.weight.requires_grad_(True)
    head(model).projection.requires_grad_(True)
    return model


def head(model: GridCaptioner) -> torch.nn.Module:
    """Return the tower's eighth stage: Lite's head convolution and the projection."""
    return model.vision_model.tower.encoder.blocks[-1]


def training_mode(model: GridCaptioner) -> None:
    """Dropout on, batch norms of the frozen tower left as published."""
    model.train()
    model.vision_model.tower.eval()


def encode(model: GridCaptioner, grids: Tensor) -> Tensor:
    """Turn cached grids (n, 7, 7, channels) into the tokens the decoder reads."""
    return model.vision_model.mix(head(model)(grids.permute(0, 3, 1, 2).float()))


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


def next_words(model: GridCaptioner, tokens: Tensor, ids: Tensor, labels: Tensor):
    """Logits (k, words) and targets (k,) of the k next tokens asked for, and their rows' numbers.

    The vocabulary is by far the widest layer: only positions with a target are put through it.
    """
    hidden = model.text_decoder.bert(
        input_ids=ids,
        attention_mask=(ids != 0).long(),
        encoder_hidden_states=tokens,
        is_decoder=True,
        use_cache=False,
    ).last_hidden_state[:, :-1]
    asked = labels[:, 1:] != -100
    return (
        model.text_decoder.cls(hidden[asked]).float(),
        labels[:, 1:][asked],
        asked.nonzero()[:, 0],
    )


def cross_entropy_step(model, data: Data, rng, flickr: list[int], labelled: int) -> Tensor:
    """Label-smoothed cross-entropy of one batch."""
    grids, owner, captions, _ = data.batch(rng, flickr, labelled)
    ids, labels = data.pad(captions)
    with torch.autocast("cpu", torch.bfloat16):
        logits, targets, _ = next_words(model, encode(model, grids)[owner], ids, labels)
    return F.cross_entropy(logits, targets, label_smoothing=0.1)


@torch.inference_mode()
def generate(model: GridCaptioner, data: Data, tokens: Tensor, **options) -> list[list[str]]:
    """Decode captions (lists of words) for encoded pictures."""
    start = torch.full((len(tokens), 1), 2)
    out = model.text_decoder.generate(
        input_ids=start,
        attention_mask=torch.ones_like(start),
        encoder_hidden_states=tokens,
        max_new_tokens=24,
        eos_token_id=3,
        pad_token_id=0,
        suppress_tokens=[0, 1, 2],
        **options,
    )
    return [text.split() for text in data.tokenizer.batch_decode(out, skip_special_tokens=True)]


def self_critical_step(
    model, data: Data, rng, flickr: list[int], labelled: int, cider: CiderD, samples: int = 5
) -> tuple[Tensor, float]:
    """REINFORCE on CIDEr-D, plus a little cross-entropy on the labelled pictures' phrases."""
    grids, owner, captions, asked = data.batch(rng, flickr, labelled)
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        tokens = encode(model, grids[: len(flickr)]).float().repeat_interleave(samples, 0)
        sampled = generate(
            model, data, tokens.bfloat16().float(), do_sample=True, top_k=0, num_beams=1
        )
    scores = np.array(
        [cider.score(caption, flickr[i // samples]) for i, caption in enumerate(sampled)]
    ).reshape(-1, samples)
    baseline = (scores.sum(1, keepdims=True) - scores) / (samples - 1)
    advantage = torch.from_numpy((scores - baseline).reshape(-1)).float()
    training_mode(model)
    with torch.autocast("cpu", torch.bfloat16):
        encoded = encode(model, grids)
        mine = encoded[: len(flickr)].repeat_interleave(samples, 0)
        logits, targets, rows = next_words(model, mine, *data.pad(sampled))
        kept = slice(asked, None)
        named, names, _ = next_words(model, encoded[owner[kept]], *data.pad(captions[kept]))
    losses = F.cross_entropy(logits, targets, reduction="none")
    loss = (losses * advantage[rows]).mean()
    return loss + 0.3 * F.cross_entropy(named, names), float(scores.mean())


@torch.inference_mode()
def evaluate(model: GridCaptioner, data: Data, cider: CiderD, rows: list[int], beams: int = 3):
    """Mean CIDEr-D over `rows` of Flickr8k, and the captions."""
    model.eval()
    captions = []
    for start in range(0, len(rows), 50):
        chunk = rows[start : start + 50]
        grids = torch.from_numpy(np.stack([data.grids["flickr8k"][i] for i in chunk]))
        captions += generate(model, data, encode(model, grids), num_beams=beams)
    return float(np.mean([cider.score(c, i) for c, i in zip(captions, rows, strict=True)])), captions


def main() -> None:
    """Train from the cache and leave the weights and the tokenizer in `out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", default="lite2")
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--critical-epochs", type=float, default=2.5)
    parser.add_argument("--start", type=Path, help="skip cross-entropy, start from these weights")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    data = Data(args.cache, args.variant)
    model = build_model(args.variant, len(data.tokenizer))
    args.out.mkdir(parents=True, exist_ok=True)
    data.tokenizer.save_pretrained(args.out)
    trainable = [p for p in model.parameters() if p.requires_grad]
    print(f"{len(data.tokenizer)} words, {sum(p.numel() for p in trainable)} trained", flush=True)
    references = {i: data.captions[i] for i in (*data.train, *data.dev)}
    dev_cider = CiderD({i: references[i] for i in data.dev})
    began = time.time()

    def save(name: str) -> None:
        torch.save(model.state_dict(), args.out / name)

    def report(stage: str, **figures: float) -> None:
        figures["dev_cider_500"] = evaluate(model, data, dev_cider, data.dev[:500])[0]
        figures["minutes"] = (time.time() - began) / 60
        print(json.dumps({"stage": stage} | {k: round(v, 4) for k, v in figures.items()}), flush=True)

    per_step = 36
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True))
    else:
        optimizer = torch.optim.AdamW(
            [
                {"params": list(head(model).expansion.parameters()), "lr": 2e-4},
                {"params": [p for p in trainable if p is not head(model).expansion.expand_conv.weight]},
            ],
            lr=1e-3,
            weight_decay=0.02,
            betas=(0.9, 0.98),
        )
        optimizer.param_groups[0]["params"] = [head(model).expansion.expand_conv.weight]
        steps = args.epochs * (len(data.train) // per_step)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [2e-4, 1e-3], total_steps=steps, pct_start=0.08
        )
        training_mode(model)
        for epoch in range(args.epochs):
            order = rng.permutation(data.train)
            losses = []
            for start in range(0, len(order) - per_step + 1, per_step):
                chunk = order[start : start + per_step].tolist()
                loss = cross_entropy_step(model, data, rng, chunk, labelled=48)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trainable, 1.0)
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
            save("cross-entropy.pt")
            report(f"cross-entropy {epoch + 1}", loss=float(np.mean(losses)))
            training_mode(model)

    if args.critical_epochs:
        cider = CiderD({i: references[i] for i in data.train})
        optimizer = torch.optim.AdamW(trainable, lr=5e-5, weight_decay=0.0)
        steps = int(args.critical_epochs * len(data.train) / 40)
        rewards, best = [], 0.0
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = 5e-5 * min(1.0, (step + 1) / 50) * (1 - 0.8 * step / steps)
            chunk = rng.choice(data.train, 40, replace=False).tolist()
            loss, reward = self_critical_step(model, data, rng, chunk, 16, cider)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trainable, 0.5)
            optimizer.step()
            rewards.append(reward)
            if (step + 1) % 75 == 0 or step + 1 == steps:
                save("self-critical.pt")
                report(f"self-critical {step + 1}/{steps}", reward=float(np.mean(rewards[-75:])))


if __name__ == "__main__":
    main()
