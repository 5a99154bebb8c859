"""Search attributes: what runs can be found by in Temporal's own pages."""

from __future__ import annotations

import logging

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from rocketship.run.status import Status

log = logging.getLogger(__name__)

NAMES = ("rkSuite", "rkStatus", "rkBranch", "rkTrigger")
#: Temporal's own limit for words is 2 KiB.
MAX_CHARACTERS = 255


async def register(client: Client) -> bool:
    """Make our attributes known to the namespace; return whether they can be used.

    Where a service does not let us, somebody else may have made them known; runs work without.

    Raises:
        RPCError: Temporal cannot be asked at the moment.
    """
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    wanted = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        known = await client.operator_service.list_search_attributes(wanted)
        if missing := [name for name in NAMES if name not in known.custom_attributes]:
            request = AddSearchAttributesRequest(
                namespace=client.namespace, search_attributes=dict.fromkeys(missing, keyword)
            )
            await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        log.warning("search_attributes_missing", extra={"error": error.message})
        return False
    return True


def attributes(suite: str, branch: str, trigger: str) -> TypedSearchAttributes:
    """Return what a new run can be found by."""
    values = zip(NAMES, (suite, Status.RUNNING.value, branch, trigger), strict=True)
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), text[:MAX_CHARACTERS])
            for name, text in values
            if text
        ]
    )
