"""An endpoint that streams an answer as plain text: `uvicorn fastapi_stream:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from dragoman import Client
from dragoman.errors import DragomanError

client = Client()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with client:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def answer(question: str, model: str = "") -> StreamingResponse:
    try:
        stream = await client.stream(model, question)  # a failure before the first content is raised here
    except DragomanError as error:
        raise HTTPException(error.status, error.message) from error
    return StreamingResponse(stream.text, media_type="text/plain")
