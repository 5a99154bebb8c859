"""Why a unit was cancelled: Temporal only says that it was, the workflow knows the rest."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from rocketship.interpreter.host import Interrupt, InterruptToken
from rocketship.runtime.temporal.messages import STOP_QUERY, StopNotice

log = logging.getLogger(__name__)

ASK_TIMEOUT = timedelta(seconds=2)
#: How often it is asked whether the cleanup, too, is to be left out by now.
ASK_SECONDS = 0.5
_REASONS = {"cancel": Interrupt.CANCEL, "deadline": Interrupt.DEADLINE}


def interrupt(token: InterruptToken, notice: StopNotice) -> None:
    """Tell a unit what its run was told."""
    if reason := _REASONS.get(notice.why):
        token.set(reason, force=notice.force)


class Stops:
    """Asks workflows, once for all their units on this worker."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: dict[str, set[InterruptToken]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, workflow: str, token: InterruptToken) -> None:
        """Interrupt a unit of a workflow that was cancelled, and again when it is to be forced."""
        self._waiting.setdefault(workflow, set()).add(token)
        if workflow not in self._tasks:
            self._tasks[workflow] = asyncio.create_task(self._ask(workflow))

    def forget(self, workflow: str, token: InterruptToken) -> None:
        """Stop to follow for a unit that has ended."""
        tokens = self._waiting.get(workflow, set())
        tokens.discard(token)
        if not tokens:
            self._waiting.pop(workflow, None)
            if task := self._tasks.pop(workflow, None):
                task.cancel()

    async def _ask(self, workflow: str) -> None:
        handle = self._client.get_workflow_handle(workflow)
        while True:
            try:
                notice = await handle.query(
                    STOP_QUERY, result_type=StopNotice, rpc_timeout=ASK_TIMEOUT
                )
            except Exception as error:  # whatever keeps it from telling, it was cancelled
                if not isinstance(error, RPCError):
                    log.warning("stop_not_told", extra={"error": str(error)})
                notice = StopNotice("cancel")
            if not notice.why:
                notice = StopNotice("cancel")
            for token in self._waiting.get(workflow, ()):
                interrupt(token, notice)
            if notice.force:
                return
            await asyncio.sleep(ASK_SECONDS)
