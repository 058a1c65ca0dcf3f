"""From feedback to better models, honestly measured."""
