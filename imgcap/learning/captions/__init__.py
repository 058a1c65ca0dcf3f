"""Captions that people corrected, taught to the captioner, honestly measured."""
