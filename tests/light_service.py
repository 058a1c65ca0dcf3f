"""An inference service without Ray: the real interface over HTTP, before models in this process."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from imgcap.images import open_picture
from imgcap.inference.events import ModelEvent, Role
from imgcap.inference.local import LocalEngine
from imgcap.remote.wire import CaptionQuestion, ClassifyQuestion, LoadQuestion, Question
from imgcap.settings import Settings
from tests.pages import wait_until


@contextmanager
def light_service(port: int) -> Iterator[None]:
    """Serve on that port until the block ends; connections that are open then break off."""
    from imgcap.serve.api import build_api  # imports Ray, which takes two seconds
    from imgcap.serve.gate import Gate

    settings = Settings(engine="local")
    engine = LocalEngine(settings)

    def answer(role: Role, question: Question, data: bytes | None, name: str) -> Any:
        limits = {"max_bytes": settings.max_upload_mb * 2**20, "max_pixels": settings.max_pixels}
        pictures = [open_picture(data, name, **limits)] if data else []
        match question:
            case ClassifyQuestion():
                return engine.classify(pictures, question.labels, question.options)[0]
            case CaptionQuestion():
                return engine.caption(pictures, question.options)[0]
            case LoadQuestion():
                engine.load(role)
                return engine.models[role]
        raise NotImplementedError(question)

    async def ask(role: Role, question: Question, data: bytes | None, name: str) -> Any:
        return await asyncio.to_thread(answer, role, question, data, name)

    async def events() -> Mapping[Role, ModelEvent]:
        return engine.models

    app = Gate(build_api(ask, events), settings)
    config = uvicorn.Config(
        app, port=port, lifespan="off", log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the service listens")
        yield
    finally:
        server.should_exit = True
        thread.join()
