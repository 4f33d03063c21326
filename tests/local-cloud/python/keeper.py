"""Runs a command and ends it, with all that it started, when standard input ends.

The process that starts this holds the other end; when it goes, however it goes,
the pipe closes and nothing is left behind.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
prctl = ctypes.CDLL(None).prctl


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []


def end_all():
    """Kills what is below this process until nothing is: orphans come back to it as subreaper."""
    while below := children(os.getpid()):
        for child in below:
            for pid in (child, *children(child)):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break


def watch():
    while os.read(0, 64):
        pass
    end_all()
    os._exit(0)


signal.signal(signal.SIGINT, signal.SIG_IGN)
prctl(PR_SET_CHILD_SUBREAPER, 1)
os.environ.pop("LC_CTYPE", None)  # which Python sets for itself
command = subprocess.Popen(
    sys.argv[1:], stdin=subprocess.DEVNULL, preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
)
threading.Thread(target=watch, daemon=True).start()
code = command.wait()
end_all()
sys.exit(code if code >= 0 else 128 - code)
