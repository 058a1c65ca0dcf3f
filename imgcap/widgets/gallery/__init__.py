"""All pictures of a page: filtered, sorted, searched, chosen to be labelled, and taken along."""

from imgcap.widgets.gallery.panel import GalleryPanel

__all__ = ["GalleryPanel"]
