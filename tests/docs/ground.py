"""Where the documentation's examples run: a folder with what their page assumes, and a gateway where one is named."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from tests.cli.shell import COMMAND, PATIENCE, environment, install

ADDRESS = "127.0.0.1:8642"
"""Where a gateway listens in the examples."""

ROUTES = """
[models.fast]
targets = ["offline/eliza"]
[models."gpt-4o-mini"]
targets = ["offline/eliza"]
"""
"""Models of that gateway, besides the offline ones."""

SERVICE = '[providers.up]\nprotocol = "openai-chat"\nurl = "http://127.0.0.1:9/v1"\n'

FIM = '[models.fim]\ntargets = ["up/m"]\n'

FILES = {
    "docs/configuration.md": {"dragoman.toml": "", "services.toml": SERVICE, "up.key": "sk-1"},
    "docs/agents.md": {"dragoman.toml": SERVICE},
    "docs/how-to/code-completion.md": {
        "dragoman.toml": f'{SERVICE}models = ["m"]\ncompletions = "/completions"\n{FIM}'
    },
}
"""Files that a page assumes to be in the working directory."""

VARIABLES = {"UP_API_KEY": "sk-1", "COMPANY_KEY": "sk-2", "AIBN_PASSWORD": "s3cret"}


def prepared(page: str, folder: Path) -> tuple[dict[str, str], tuple[int, ...]]:
    """The environment for examples of `page`, which run in `folder`, and the descriptors that they inherit."""
    for name, text in FILES.get(page, {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    command = folder / "bin" / "dragoman"
    environ = environment(folder, {"PATH": f"{command.parent}:{os.environ['PATH']}", **VARIABLES})
    return environ, install(command, environ)


@contextmanager
def gateway(folder: Path) -> Iterator[str]:
    """The address of a gateway with the offline models, as `dragoman serve` starts it."""
    (folder / "dragoman.toml").write_text(ROUTES)
    words = [*COMMAND, "serve", "--port", "0"]
    with Popen(words, stdout=PIPE, stderr=DEVNULL, text=True, env=environment(folder), cwd=folder) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            yield line.partition("http://")[2].partition(";")[0]
        finally:
            process.terminate()
            process.wait(PATIENCE)
