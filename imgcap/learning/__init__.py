"""From feedback to better models, honestly measured."""

from typing import Final

FEWEST: Final = 3
"""Among fewer pictures there is nothing to choose which to label next."""
