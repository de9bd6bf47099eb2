"""Runs a command in a terminal of its own. Usage: run_in_terminal.py STEPS COLUMNS ROWS COMMAND...

STEPS is JSON: a list of {"after": regular expression, "columns"?: n, "rows"?: n, "keys"?: text, "touch"?: path}. A step
is done when its expression is found in what was written since the step before. Writes JSON to stdout: the exit code and
the pieces of output, with the number of columns at the end of each.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios

steps = json.loads(sys.argv[1])
size = [int(sys.argv[2]), int(sys.argv[3])]


def set_size(fd):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))


pid, master = pty.fork()
if pid == 0:
    set_size(0)
    os.execvp(sys.argv[4], sys.argv[4:])
pieces = []
current = b""
seen = b""
while True:
    ready, _, _ = select.select([master], [], [], 240)
    if not ready:
        os.kill(pid, 9)
        break
    try:
        data = os.read(master, 65536)
    except OSError:  # Linux says that the other side was closed with EIO
        break
    if not data:
        break
    current += data
    seen += data
    if steps and re.search(steps[0]["after"].encode(), seen):
        step = steps.pop(0)
        seen = b""
        if "columns" in step or "rows" in step:
            pieces.append({"columns": size[0], "text": current.decode()})
            current = b""
            size = [step.get("columns", size[0]), step.get("rows", size[1])]
            set_size(master)
        if "touch" in step:
            open(step["touch"], "w").close()
        if "keys" in step:
            os.write(master, step["keys"].encode())
pieces.append({"columns": size[0], "text": current.decode()})
status = os.waitpid(pid, 0)[1]
print(json.dumps({"exitCode": os.waitstatus_to_exitcode(status), "pieces": pieces, "stepsLeft": len(steps)}))
