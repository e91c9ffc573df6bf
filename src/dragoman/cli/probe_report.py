"""A service that was tried, in words."""

from dragoman.cli.probe import Checkup
from dragoman.cli.terminal.output import one_line


def report(checkup: Checkup, width: int) -> str:
    """A line, and two more if something is wrong; `width`: columns of the longest name."""
    words = [f"{'FAIL' if checkup.problem else 'ok':4}", f"{checkup.provider:{width}}", *_facts(checkup)]
    lines = ["  ".join(words)]
    if checkup.problem:
        lines += [f"      {one_line(checkup.problem)}", f"      {checkup.remedy}"]
    return "\n".join(lines)


def _facts(checkup: Checkup) -> list[str]:
    facts = [checkup.model] if checkup.model else []
    if checkup.url:
        facts.append(checkup.url)
    if checkup.proxy:
        facts.append(f"through {checkup.proxy}")
    if checkup.first_text is not None:
        facts.append(f"first text after {checkup.first_text:.2f} s")
    if checkup.whole is not None:
        facts.append(f"whole after {checkup.whole:.2f} s")
    elif checkup.reachable is False:
        facts.append("not reachable")
    return facts
