"""Low-rank adapters in peft's folders, merged into the layers of a checkpoint.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021). Once merged, they cost an
answer nothing, and whatever reads the model's weights sees what answers.
"""

import logging
from pathlib import Path
from typing import Any, Final

from imgcap.inference.adapter import LORA_FILES, AdapterError

logger = logging.getLogger(__name__)

NEEDED: Final = "needs the extra learn: pip install 'imgcap[learn]'"


def with_adapter(model: Any, folder: Path) -> Any:
    """Merge a folder of peft's into a model, which keeps its dtype.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Its layers are changed; the files they were read from are not.
    folder : Path
        With ``adapter_config.json`` and ``adapter_model.safetensors``.

    Returns
    -------
    transformers.PreTrainedModel
        In evaluation mode, without gradients.

    Raises
    ------
    AdapterError
        If peft is not installed, or the adapter is damaged or does not fit; the model is of no
        further use then.
    """
    if not all((folder / name).is_file() for name in LORA_FILES):  # else peft would ask the hub
        raise AdapterError(f"The adapter in “{folder}” lacks a part.")
    try:
        from peft import LoraConfig, PeftModel
        from safetensors import safe_open
    except ImportError as error:
        raise AdapterError(f"The adapter in “{folder}” {NEEDED}.") from error
    try:
        config = LoraConfig.from_pretrained(str(folder))
        adapted = PeftModel.from_pretrained(model, str(folder), config=config)
        with safe_open(folder / LORA_FILES[1], "pt") as file:
            _check_names(set(file.keys()), adapted)
        # The safe way writes to copies: the weights may be a file that is mapped.
        merged = adapted.merge_and_unload(safe_merge=True)
    except Exception as error:
        logger.info("An adapter cannot be merged", exc_info=True)
        raise AdapterError(
            f"The adapter in “{folder}” is damaged or does not fit the checkpoint."
        ) from error
    return merged.eval().requires_grad_(requires_grad=False)


def _check_names(stored: set[str], adapted: Any) -> None:
    """Refuse a file that lacks part of the adapter, which peft would only warn of."""
    from peft import get_peft_model_state_dict

    # Embeddings are no part of it; whether they were, peft would ask the hub.
    if stored != set(get_peft_model_state_dict(adapted, save_embedding_layers=False)):
        raise ValueError("The file's weights are not those of the adapter.")
