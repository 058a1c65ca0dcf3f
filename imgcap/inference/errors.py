"""What the engine raises: each error is one sentence for a person."""


class EngineError(Exception):
    """A request that the engine cannot fulfil; the text is one sentence for a person."""


class ModelError(EngineError):
    """A checkpoint that cannot be found, fetched, loaded or used."""


class CancelledError(EngineError):
    """The caller's `cancel` answered yes before the work was done."""

    def __init__(self) -> None:
        super().__init__("The work was cancelled.")
