"""`python -m tests.real_agents`: each agent does the job with each protocol behind the gateway; prints a table.

Two gateways of ours stand in a row: the agent speaks to the first, which speaks the protocol in question to the second,
whose offline model follows the script in the prompt. The job: read a file, change it, copy it by a command, and say so.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.real_agents.agents import AGENTS, GPT, MODEL, Agent
from tests.support.gateway_process import GatewayProcess

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"
LIMIT = 240
"""Seconds for one job: opencode, the slowest, takes 15 to start, and two minutes if others have most of the machine."""
DONE = "ALL-DONE."
SCRIPTED = DONE.replace("-", r"\u002d")
"""The same in the script: an agent that prints its prompt has not said it."""

BACKS: dict[str, str] = {
    "Chat": 'protocol = "openai-chat"\nurl = "{url}/v1"',
    "Responses": 'protocol = "openai-responses"\nurl = "{url}/v1"',
    "Messages": 'protocol = "anthropic"\nurl = "{url}"',
    "Gemini": 'protocol = "gemini"\nurl = "{url}"',
    "Ollama": 'protocol = "ollama"\nurl = "{url}"',
}
"""What stands behind the gateway, to its entry in the configuration."""

FRONT = """
[gateway]
port = 0
default_model = "{model}"
[providers.back]
{entry}
[models.{model}]
targets = ["back/offline/script"]
[models."{gpt}"]
targets = ["back/offline/script"]
"""


def prompt_of(agent: Agent, work: Path) -> str:
    """The script that makes the model do the job with the agent's own tools."""
    turns = [f"tool: {name} {json.dumps(arguments)}" for name, arguments in agent.tools(work)]
    script = "\n---\n".join([*turns, f"text: {SCRIPTED}"])
    return f"Do the job.\n```offline-script\n{script}\n```"


def job(agent: Agent, url: str) -> str:
    """What went wrong; empty if the agent did all of it."""
    with tempfile.TemporaryDirectory() as place:
        home, work = Path(place, "home"), Path(place, "work")
        home.mkdir()
        work.mkdir()
        (work / "note.txt").write_text("old text\n")
        for name, text in agent.files(url).items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        prompt = prompt_of(agent, work)
        words = [str(BIN / agent.program), *agent.words(prompt)]
        environ = {"PATH": os.environ["PATH"], "HOME": str(home), **agent.environ(url, home)}
        said = prompt if agent.prompt_by_stdin else ""
        try:
            ran = subprocess.run(
                words, input=said, cwd=work, env=environ, capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return f"nothing after {LIMIT} s"
        made = work / "made.txt"
        if ran.returncode:
            return f"exit {ran.returncode}: {(ran.stderr or ran.stdout).strip()[-300:]}"
        if DONE not in ran.stdout:
            return f"did not say so: {ran.stdout.strip()[-300:]}"
        return "" if made.exists() and made.read_text() == "new text\n" else "the file is not there, or another"


def versions() -> dict[str, str]:
    """The programs' versions, as pinned."""
    found: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]
    return found


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="agents whose name holds TEXT")
    only = parser.parse_args().only
    wanted = {name: agent for name, agent in AGENTS.items() if only in name}
    failures: list[str] = []
    rows: dict[str, list[str]] = {name: [] for name in wanted}
    with tempfile.TemporaryDirectory() as place, GatewayProcess(Path(place), "[gateway]\nport = 0\n") as back:
        for kind, entry in BACKS.items():
            config = FRONT.format(model=MODEL, gpt=GPT, entry=entry.format(url=back.url))
            with GatewayProcess(Path(place), config) as front:
                for name, agent in wanted.items():
                    begun = time.monotonic()
                    wrong = job(agent, front.url)
                    rows[name].append("no" if wrong else "yes")
                    print(
                        f"{name:20} {kind:10} {'no: ' + wrong if wrong else 'yes'}  {time.monotonic() - begun:.1f} s",
                        flush=True,
                    )
                    if wrong:
                        failures.append(f"{name}, {kind}")
    print("\n| agent | " + " | ".join(BACKS) + " |\n|---|" + "---|" * len(BACKS))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n" + ", ".join(f"{name} {version}" for name, version in versions().items()))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
