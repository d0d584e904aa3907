"""An independent client of the CC-Gateway interface, for tests.

    python3 tests/client plan day.json      carries out a plan: {"base": "http://…", "steps": […]}
    python3 tests/client drive http://…     carries out steps as they come, one JSON object per line of input, one line of answer each

The exit code is 0 if every step went as it must and no answer broke the reference's rules.
"""

import json
import sys
from pathlib import Path

from runner import Runner

# A line of input longer than this is a mistake.
MOST_LINE = 1 << 20


def plan(path):
    day = json.loads(Path(path).read_text(encoding="utf-8"))
    runner = Runner(day["base"])
    for step in day["steps"]:
        if not runner.attempt(step)["ok"]:
            break
    return finish(runner, sys.stdout)


def drive(base):
    runner = Runner(base)
    for line in sys.stdin:
        if len(line) > MOST_LINE:
            return 2
        print(json.dumps(runner.attempt(json.loads(line))), flush=True)
    return finish(runner, sys.stderr)


def finish(runner, out):
    runner.close()
    print(runner.report(), file=out, flush=True)
    return 0 if runner.is_good() else 1


def main(arguments):
    match arguments:
        case ["plan", path]:
            return plan(path)
        case ["drive", base]:
            return drive(base)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
