"""Feedback in a MongoDB database."""

from imgcap.feedback.mongo.store import MongoStore

__all__ = ["MongoStore"]
