"""What the buttons of a run's page do."""

from __future__ import annotations

from dataclasses import replace

from rocketship.engine.service import RunService
from rocketship.errors import Conflict, UsageError
from rocketship.server.callers import started_here

CANCEL_REASON = "cancelled on the web page"


async def cancel(service: RunService, run_id: str) -> None:
    """Cancel a run; its cleanup still runs.

    Raises:
        Conflict: The run cannot be cancelled from here.
        NotFound: There is no such run.
    """
    done = await service.cancel_run(run_id, reason=CANCEL_REASON)
    if not done.stopped:
        raise Conflict(done.message)


async def rerun(service: RunService, run_id: str, *, failed: bool) -> str:
    """Run again what a run was, or only the tests that failed; return the new run's id.

    Raises:
        UsageError: The run needs secrets, which are not kept, or no test of it failed.
        NotFound: There is no such run.
    """
    details = await service.get_run(run_id)
    spec = await service.get_spec(details.record.id)
    if spec.env_names:
        raise UsageError(
            f"this run needs {', '.join(spec.env_names)} from the environment, "
            "and the values of a run are forgotten when it ends",
            hint=f"`rocketship rerun {details.record.id}` takes them from yours",
        )
    if failed:
        ids = tuple(test.id for test in details.result.tests if test.status.bad)
        if not ids:
            raise UsageError("no test of this run failed")
        spec = replace(spec, selection=replace(spec.selection, ids=ids))
    context = {**spec.context, "rerun_of": details.record.id}
    return await service.create_run(started_here(replace(spec, context=context)), {})
