"""Stands for a gateway that is not here: reads the settings that it would be given, and passes bytes to its upstream.

python standin.py PROGRAM ARGUMENTS...; whatever of its settings is missing ends it.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

MODELS = {"bench", "paced"}


def busbar(words: list[str]) -> tuple[int, str, bytes]:
    """Two files of YAML."""
    settings: Any = yaml.safe_load(Path(words[words.index("--config") + 1]).read_text())
    catalog: Any = yaml.safe_load(Path(settings["providers_file"]).read_text())
    assert settings["config"] == {"locked": True}
    assert os.environ[settings["providers"]["up"]["api_key"]["env"]]
    assert set(settings["models"]) == MODELS
    assert catalog["up"]["protocol"] == "openai"
    return int(settings["listen"].rpartition(":")[2]), catalog["up"]["base_url"], b""


def gomodel(words: list[str]) -> tuple[int, str, bytes]:
    """The environment alone."""
    assert not words
    assert set(os.environ["OPENAI_MODELS"].split(",")) == MODELS
    assert os.environ["CONFIGURED_PROVIDER_MODELS_MODE"] == "allowlist"
    url = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
    return int(os.environ["PORT"]), url, f"Bearer {os.environ['GOMODEL_MASTER_KEY']}".encode()


def bifrost(words: list[str]) -> tuple[int, str, bytes]:
    """A file of JSON in a folder of its own, and flags."""
    settings: Any = json.loads((Path(words[words.index("-app-dir") + 1]) / "config.json").read_text())
    provider = settings["providers"]["openai"]
    assert set(provider["keys"][0]["models"]) == MODELS
    return int(words[words.index("-port") + 1]), provider["network_config"]["base_url"], b'"openai/'


PROGRAMS = {"busbar": busbar, "gomodel": gomodel, "bifrost-http": bifrost}


async def serve(port: int, url: str, wanted: bytes) -> None:
    """Passes bytes for ever. `wanted`: what the first request of a connection must hold."""
    upstream = int(url.rpartition(":")[2])

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awaited: bytes) -> None:
        held = b""
        while data := await reader.read(1 << 16):
            data = held + data
            if awaited not in data:  # head and body may come one by one
                held = data
                continue
            held = awaited = b""
            # A model's name without its provider, and as many bytes as before.
            data = data.replace(b'"openai/bench"', b'"bench"       ').replace(b'"openai/paced"', b'"paced"       ')
            writer.write(data)
            await writer.drain()
        writer.close()

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(passed(reader, up_writer, wanted), passed(up_reader, writer, b""), return_exceptions=True)

    async with await asyncio.start_server(called, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*PROGRAMS[sys.argv[1]](sys.argv[2:])))
