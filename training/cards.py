"""Write the model cards from their texts here and the figures in data/models/evaluation.json."""

import json
from pathlib import Path

from export import CAPTIONER, CLASSIFIER
from safetensors import safe_open

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"

TERMS = """\
## Data and terms

**For demonstration, offline use and tests. Not for commercial use.** The weights were made from these pictures, whose
terms bind what is made of them; none of the pictures or captions is in this repository.

| set | what was used | terms |
|---|---|---|
| Flickr8k (Hodosh, Young, Hockenmaier 2013) | 6,080 pictures with five captions each | non-commercial research and education |
| ImageNet-1k, one picture a class | 1,000 pictures | non-commercial research |
| 100 sports | 2,500 pictures, a fifth held out | the repository says MIT; the photographers' rights are unknown |
| 15 human actions | 1,800 pictures, a fifth held out | none stated |
| Intel image classification, six scenes | 1,500 pictures, a fifth held out | the repository says MIT |
| Caltech-101 (Fei-Fei, Fergus, Perona 2004) | 2,000 pictures, a fifth held out | none stated |

Starting weights: EfficientNet-Lite2 (Apache-2.0, trained on ImageNet-1k){more}.
"""

CLASSIFIER_CARD = """\
# {name}

Zero-shot picture classification without a download: an `AlignModel` of {millions:.1f} million parameters in float16
({megabytes:.1f} MB). The vision tower is EfficientNet-Lite2 at 224 x 224, the text tower MiniLM-L6 with a vocabulary of
{vocabulary:,} word pieces. It loads through `AutoModelForZeroShotImageClassification`; scores are a softmax over the
candidate labels.

## What it is good for

A first look on a laptop without network, demonstrations, tests. Common things, animals, scenes, sports, food, people
and what they do, in plain English. **It is small and clearly weaker than CLIP** (`openai/clip-vit-base-patch32`).

## Figures

From `training/evaluate.py` on pictures that were held out, asked with the app's default template "a photo of ...".
The same pictures decided when to stop and which of three shares of fine-tuning to keep, and half of them the temperature,
so the figures are a little flattering. The calibration error is the expected one over 15 bins; the last columns say how often an answer given with a confidence
between 70 and 90 % was right.

| set | pictures | labels | top-1 | top-5 | calibration error | right at 70-90 % | of pictures |
|---|---:|---:|---:|---:|---:|---:|---:|
{rows}

`imagenet1k-one-each` is training material, one picture a class, and learned by heart: its figure says nothing about new
pictures.

Captions of Flickr8k's dev part, from {retrieved:,} pictures: {retrieval}

{terms}
## What it is bad at

- Counting, reading text, telling left from right, negation ("no dog"), fine distinctions of breed, brand or place.
- Logos, drawings, diagrams, medical, aerial or night pictures: it has hardly seen any.
- Labels in other languages than English, and rare words, which its small vocabulary spells out in pieces.
- Confidence: the temperature was fitted on the sets above. On other label lists 80 % need not mean 80 %, above all where
  no label fits.
- People: do not use it to judge anybody. The sets carry the prejudices of the people who made and captioned them.

## Training

`make models` (see `training/README.md`): InfoNCE on captions, cross-entropy on class names and everyday tags, the
published tower's own beliefs over ImageNet's names against forgetting, and MiniLM's similarities between phrases as an
anchor; then the upper vision stages against the finished text tower; then one temperature, fitted on half of the dev
parts.
"""

CAPTIONER_CARD = """\
# {name}

English captions without a download: {millions:.1f} million parameters in float16 ({megabytes:.1f} MB). BLIP's text
decoder, three layers of width 256, attends to the 7 x 7 grid of an EfficientNet-Lite2 tower and to the names of the five
ImageNet classes that the tower finds likeliest, and writes whole words from a vocabulary of {vocabulary:,}. The architecture is `imgcap.inference.embedded.GridCaptioner`; after importing that module
the folder loads through `AutoModelForImageTextToText`.

## What it is good for

A short first caption of an everyday photograph, on a laptop without network; demonstrations and tests. **It is small and
clearly weaker than BLIP** (`Salesforce/blip-image-captioning-base`).

## Figures

From `training/evaluate.py` on the {pictures:,} pictures of Flickr8k's dev part, five reference captions each, beam search
with {beams} beams, words lower-cased and without punctuation, scored by `pycocoevalcap`. The recipe was chosen
on the same pictures, so the figures are a little flattering:

| CIDEr | BLEU-1 | BLEU-4 | words a caption | different captions | with an unknown word |
|---:|---:|---:|---:|---:|---:|
| {CIDEr:.3f} | {BLEU_1:.3f} | {BLEU_4:.3f} | {mean_words:.1f} | {distinct_captions:,} | {captions_with_an_unknown_word} |

{terms}
## What it is bad at

- Anything outside everyday photographs of people, animals, streets, sport and nature. It learned whole sentences from
  Flickr8k only, so it sees dogs in grass and people in shirts too readily; for other things it knows short phrases.
- Colours, counts, who does what to whom, text in the picture, names of people and places.
- It always writes a confident sentence, also where it has no idea. Read its score.
- It repeats the prejudices of its sources, above all about who is a man, a woman or a child.

## Training

`make models` (see `training/README.md`): cross-entropy on Flickr8k's captions, on phrases made from the class names of the
other sets, and on naming the likeliest class of pictures that show nothing else; then self-critical training on CIDEr. The
tower and its classifier are the published ones and were not trained further.
"""


def weights_of(folder: Path) -> tuple[float, float]:
    """Millions of stored numbers and megabytes (10**6 bytes) of a folder's files."""
    with safe_open(folder / "model.safetensors", "pt") as file:
        count = sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118
    size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".md")
    return count / 1e6, size / 1e6


def vocabulary_of(folder: Path) -> int:
    """Return the number of tokens."""
    return len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])


def main() -> None:
    """Write both cards."""
    figures = json.loads((MODELS / "evaluation.json").read_text())
    rows = "\n".join(
        f"| {name} | {row['pictures']:,} | {row['labels']:,} | {row['top_1']:.1%} | {row['top_5']:.1%} "
        f"| {row['expected_calibration_error']:.3f} "
        f"| {row['accuracy_where_confidence_is_70_to_90_percent']:.0%} "
        f"| {row['pictures_with_that_confidence']} |"
        for name, row in figures.items()
        if isinstance(row, dict) and "top_1" in row
    )
    found = dict(figures["flickr8k_retrieval"])
    retrieved = found.pop("pictures")
    retrieval = "; ".join(
        f"{key.removeprefix('picture_to_caption_').replace('_', ' ')} captions {value:.1%}"
        for key, value in found.items()
    )
    folder = MODELS / CLASSIFIER
    millions, megabytes = weights_of(folder)
    (folder / "README.md").write_text(
        CLASSIFIER_CARD.format(
            name=CLASSIFIER,
            millions=millions,
            megabytes=megabytes,
            vocabulary=vocabulary_of(folder),
            rows=rows,
            retrieved=retrieved,
            retrieval=retrieval + ".",
            terms=TERMS.format(more=" and all-MiniLM-L6-v2 (Apache-2.0)"),
        )
    )
    folder = MODELS / CAPTIONER
    millions, megabytes = weights_of(folder)
    (folder / "README.md").write_text(
        CAPTIONER_CARD.format(
            name=CAPTIONER,
            millions=millions,
            megabytes=megabytes,
            vocabulary=vocabulary_of(folder),
            terms=TERMS.format(more=""),
            **figures["flickr8k_captions"],
        )
    )


if __name__ == "__main__":
    main()
