"""The machine and the programs of a benchmark, so that its numbers can be judged later."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("dragoman", "uvloop", "httptools", "msgspec", "uvicorn", "openai")


def describe() -> dict[str, str]:
    """Processor, kernel, versions, and how busy the machine was before."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return {
        "processor": f"{cpu[1] if cpu else platform.machine()} x {os.cpu_count()}",
        "memory": f"{int(memory[1]) >> 20 if memory else 0} GiB",
        "kernel": platform.release(),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        "nginx": _first_line("nginx", "-v").rpartition("/")[2],
        **{name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _first_line(*command: str) -> str:
    program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin")
    if program is None:
        return "none"
    ran = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    return (ran.stdout + ran.stderr).partition("\n")[0]
