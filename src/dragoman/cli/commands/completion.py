"""`dragoman completion`: the script that teaches a shell to complete our words."""

import click
from click.shell_completion import FishComplete, ShellComplete, get_completion_class

from dragoman.cli.terminal.output import say

SHELLS = ("bash", "zsh", "fish")


class WholeFishComplete(FishComplete):
    """What click has for fish, with descriptions that do not end at their first comma (seen in click 8.5)."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


COMPLETIONS: dict[str, type[ShellComplete]] = {"fish": WholeFishComplete}
"""In place of click's own."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the shell's completion script.

    \b
    bash   eval "$(dragoman completion bash)"             in ~/.bashrc
    zsh    eval "$(dragoman completion zsh)"              in ~/.zshrc
    fish   dragoman completion fish | source              in ~/.config/fish/config.fish

    Commands, options and, after -m, the models' names are completed.
    """
    completion = COMPLETIONS.get(shell) or get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"click knows no completion for {shell}", ctx)
    say(completion(ctx.find_root().command, {}, "dragoman", "_DRAGOMAN_COMPLETE").source())
