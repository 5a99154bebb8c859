"""The program that runs JavaScript, one script after the other: standard library and QuickJS only.

Requests come in and messages go out as lines of JSON. Nothing of a script survives it: each gets a
runtime of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve until the other side hangs up."""
    sys.path.append(sys.argv[1])
    import quickjs

    prelude = Path(__file__).with_name("javascript_prelude.js").read_text("utf-8")
    send(json.dumps(["ready"]))
    for line in sys.stdin.buffer:
        limits = json.loads(line)["limits"]
        try:
            failure = evaluate(quickjs.Context(), prelude, line.decode(), limits)
        except quickjs.JSException as error:
            failure = {"message": str(error).strip(), "stack": "", "assertion": False}
        send(json.dumps(["done", failure]))


def evaluate(context: Any, prelude: str, request: str, limits: dict[str, Any]) -> Any:
    """Run the script of a request; return its failure, or None."""
    context.set_memory_limit(limits["memory_bytes"])
    context.set_max_stack_size(limits["stack_bytes"])
    context.add_callable("send", send)
    finish = context.eval(prelude)(request)
    while context.execute_pending_job():
        pass
    return json.loads(finish())


def send(line: str) -> None:
    """Send a message at once, so that a console line is seen when it is written."""
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
