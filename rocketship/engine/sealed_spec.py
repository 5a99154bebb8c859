"""Suites at rest: a suite that may hold a secret in so many words is stored sealed.

It must stay readable for `rerun`, so it cannot be redacted like events. What to look for is known
from the language: a secret stands under a telling name or in a URL. The words are chosen to match
too much rather than too little; a suite that holds none of them costs no cryptography.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from rocketship.run.spec import RunSpec
from rocketship.store.base import RunStore
from rocketship.store.sealing import Sealer

#: The one variable of a sealed suite: all of its variables, sealed. No variable can be called so.
SEALED = "\x01sealed"
#: A backslash may hide any word in YAML.
_TELLING_WORDS = rb"\ auth redact secret passw token key cookie credential session".split()
_USERINFO = re.compile(rb"[^\s/]@")
_ENVIRONMENT = re.compile(rb"\.env\b")
#: The plugins whose secrets the words above tell; anybody else's plugin may have other names.
_KNOWN_PLUGINS = frozenset({"http", "script", "delay", "log"})


class SealedSpecs:
    """What was asked for, in and out of the store: the suites, and the environment values."""

    def __init__(self, store: RunStore, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer

    def seal(
        self, spec: RunSpec, env: Mapping[str, str], plugins: Iterable[str], run_id: str
    ) -> tuple[RunSpec, bytes]:
        """Return what to store of a run that uses these plugins."""
        kept = seal_spec(spec, self._sealer, run_id) if may_hold_secrets(spec, plugins) else spec
        return kept, self._sealer.seal(json.dumps(dict(env)).encode(), run_id) if env else b""

    async def open(self, run_id: str) -> tuple[RunSpec, dict[str, str]]:
        """Return a stored run's suite and environment values.

        Raises:
            NotFound: There is no such run.
            StoreError: They were sealed with another key, or damaged.
        """
        kept, sealed = await self._store.spec(run_id)
        return open_spec(kept, self._sealer, run_id), self._env(sealed, run_id)

    async def spec(self, run_id: str) -> RunSpec:
        """Return a stored run's suite; errors as for `open`."""
        kept, _ = await self._store.spec(run_id)
        return open_spec(kept, self._sealer, run_id)

    async def env(self, run_id: str) -> dict[str, str]:
        """Return a stored run's environment values; errors as for `open`."""
        _, sealed = await self._store.spec(run_id)
        return self._env(sealed, run_id)

    def _env(self, sealed: bytes, run_id: str) -> dict[str, str]:
        env: dict[str, str] = json.loads(self._sealer.open(sealed, run_id)) if sealed else {}
        return env


def may_hold_secrets(spec: RunSpec, plugins: Iterable[str]) -> bool:
    """Return whether a suite that uses these plugins has to be sealed."""
    return bool(
        spec.env_names
        or spec.files
        or not _KNOWN_PLUGINS.issuperset(plugins)
        or _is_telling(spec.source)
        or _is_telling(json.dumps(spec.vars).encode())
    )


def _is_telling(text: bytes) -> bool:
    # The event loop waits for this, and a suite can be megabytes: one pattern of all these words
    # takes ten times as long as looking for each.
    text = text.lower()
    return (
        any(word in text for word in _TELLING_WORDS)
        or (b"@" in text and _USERINFO.search(text) is not None)
        or _ENVIRONMENT.search(text) is not None
    )


def seal_spec(spec: RunSpec, sealer: Sealer, run_id: str) -> RunSpec:
    """Return the suite with its text, variables and files sealed for one run."""
    sealed = sealer.seal(json.dumps(spec.vars).encode(), run_id)
    return replace(
        spec,
        source=sealer.seal(spec.source, run_id),
        vars={SEALED: base64.b64encode(sealed).decode()},
        files={path: sealer.seal(body, run_id) for path, body in spec.files.items()},
    )


def open_spec(spec: RunSpec, sealer: Sealer, run_id: str) -> RunSpec:
    """Return the suite as it was; one that was never sealed comes back as it is.

    Raises:
        StoreError: It was sealed with another key, or damaged.
    """
    sealed = spec.vars.get(SEALED)
    if not isinstance(sealed, str):
        return spec
    return replace(
        spec,
        source=sealer.open(spec.source, run_id),
        vars=json.loads(sealer.open(base64.b64decode(sealed), run_id)),
        files={path: sealer.open(body, run_id) for path, body in spec.files.items()},
    )
