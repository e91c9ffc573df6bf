"""How long it takes to start: the import and the command, against bare Python. Prints medians; asserts nothing.

`python -m bench.start`; `make bench` ends with it.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
HERE = Path(sys.executable).parent
COMMANDS = {
    "bare Python": [sys.executable, "-c", "pass"],
    "import dragoman": [sys.executable, "-c", "import dragoman"],
    "from dragoman import Client": [sys.executable, "-c", "from dragoman import Client"],
    "dragoman --version": [str(HERE / "dragoman"), "--version"],
}


def once(command: list[str]) -> float:
    """Milliseconds that `command` takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - start)


def third_party() -> list[str]:
    """The top-level modules outside the standard library that `import dragoman` loads."""
    code = "import sys; import dragoman; print(*{name.partition('.')[0] for name in sys.modules})"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return sorted(name for name in shown if name not in sys.stdlib_module_names and not name.startswith("_"))


def main() -> None:
    """Takes turns, so that a slow spell of the machine meets every command."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            times[name].append(once(command))
    bare = statistics.median(times["bare Python"])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:28} {median:7.1f} ms   {median - bare:+7.1f} ms over bare Python")
    print("import dragoman loads:", ", ".join(third_party()))


if __name__ == "__main__":
    main()
