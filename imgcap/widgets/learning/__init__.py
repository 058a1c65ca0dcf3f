"""What feedback has taught: learning from it, seeing what changes, adopting, taking back."""

from imgcap.widgets.learning.panel import LearningPanel

__all__ = ["LearningPanel"]
