"""The command line: flat verbs over one bot folder. Data goes to stdout, everything else to stderr."""

from loligo_bot.cli.command_line import main

__all__ = ["main"]
