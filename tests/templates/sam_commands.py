"""Has the SAM CLI's own parser read every `sam` command of the files named, and runs none.

Prints a JSON object a line: where it stands, the command, and either the error or what the parser made of it, with
what samconfig.toml adds.
"""

import json
import re
import shlex
import sys
from pathlib import Path

import click
from samcli.cli.context import Context
from samcli.cli.main import cli


def commands(path):
    """The words of each command: in Markdown in code, elsewhere at the end of a line of comment."""
    text = path.read_text()
    if path.suffix == ".md":
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"`(sam [^`]+)`", text)
    else:
        lines = re.findall(r"^# .*?: (sam .*)$", text, re.MULTILINE)
    for line in lines:
        if not re.search(r"\bsam ", line):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):  # the end of a command
                if words[:1] == ["sam"]:
                    yield words[1:]
                words = []
            else:
                words.append(word)


def parsed(arguments):
    context, command = click.Context(cli, info_name="sam", obj=Context()), cli
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(context, arguments)
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name, parent=context)
    return command.make_context(name, arguments, parent=context).params


for path in sys.argv[1:]:
    for arguments in commands(Path(path)):
        found = {"file": path, "command": arguments}
        try:
            found["parameters"] = parsed(list(arguments))
        except (click.ClickException, click.exceptions.Exit) as error:
            found["error"] = getattr(error, "message", repr(error))
        print(json.dumps(found, default=str))
