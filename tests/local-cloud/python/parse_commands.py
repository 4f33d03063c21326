"""Has the AWS CLI read commands, against botocore's models, and send none.

Each line of standard input is a command; each that the CLI does not know is one line of standard
output, with what it complains of.
"""

import contextlib
import io
import shlex
import sys

from awscli.clidriver import create_clidriver

driver = create_clidriver()


def complaint(arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            status = driver.main(arguments)
        except SystemExit as end:
            status = end.code
    return out.getvalue() if status else None


for line in sys.stdin:
    program, *arguments = shlex.split(line)
    # Most commands print what an answer looks like instead of asking. Of those that can't, the
    # endpoint where nothing listens is the end.
    found = program != "aws" or complaint([*arguments, "--generate-cli-skeleton", "output"])
    if found and "Could not connect" not in (complaint(arguments) or ""):
        print(line.strip(), str(found).replace("\n", " "), flush=True)
