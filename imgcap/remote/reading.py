"""Reading what a service answers, which may be anything."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from imgcap.remote.errors import ServiceError

A = TypeVar("A")


def read(answer: TypeAdapter[A], body: bytes, address: str) -> A:
    """Return an answer; raises `ServiceError` if it is none."""
    try:
        return answer.validate_json(body)
    except ValidationError as error:
        raise ServiceError(
            f"What the inference service at {address} answers cannot be understood: "
            "it may be of another version."
        ) from error
