"""`dragoman completion`: the script that teaches a shell to complete our words."""

import click
from click.shell_completion import get_completion_class

from dragoman.cli.output import say

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the shell's completion script.

    \b
    bash   eval "$(dragoman completion bash)"             in ~/.bashrc
    zsh    eval "$(dragoman completion zsh)"              in ~/.zshrc
    fish   dragoman completion fish | source              in ~/.config/fish/config.fish

    Commands, options and, behind -m, the models' names are completed.
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"click knows no completion for {shell}", ctx)
    say(completion(ctx.find_root().command, {}, "dragoman", "_DRAGOMAN_COMPLETE").source())
