"""Memory is kept for the next large request. In a process of its own: it holds for all of one."""

import platform
import subprocess
import sys

ASKED_AGAIN = """
import resource, sys
from dragoman.gateway.serving.allocator import keep_memory

if not keep_memory():
    sys.exit("not glibc")
def use():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [bytes(b"x" * (4 << 20)) for _ in range(3)]
    held = [bytearray(each) for each in held]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
use()
print(max(use() for _ in range(5)))
"""


def test_the_system_is_not_asked_again_for_what_was_freed() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED_AGAIN], capture_output=True, text=True, check=False)
    if platform.libc_ver()[0] == "glibc":
        assert int(done.stdout) < 100  # of 6,000 pages
    else:
        assert done.stderr == "not glibc\n"
