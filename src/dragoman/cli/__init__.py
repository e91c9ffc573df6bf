"""Words on a terminal: the command `dragoman`, one command a file."""

import signal
from importlib import import_module

__all__ = ["main"]


def main() -> None:
    """Loads the command, runs it with the arguments of the process, and exits.

    Ctrl-C while it loads ends it as it ends any program: Python would print where in which module it was.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    program = import_module("dragoman.cli.program")
    signal.signal(signal.SIGINT, handler)
    program.main()
