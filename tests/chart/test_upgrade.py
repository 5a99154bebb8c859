"""An upgrade never changes what Kubernetes refuses to change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chart.test_objects import EVERYTHING
from tests.fixtures.helm import COMMON, PRESETS, Rendered, render

#: As they were when the chart was first published. They may be added to, never changed.
PUBLISHED = json.loads(Path(__file__).with_name("published.json").read_text("utf-8"))
CHANGES: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    *[((preset,), {}) for preset in PRESETS],
    ((), {"image.tag": "9.9.9", "commonLabels.team": "rockets", "engine.podLabels.tier": "test"}),
    (("production",), EVERYTHING),
]


def fixed(rendered: Rendered) -> dict[str, Any]:
    """Return what cannot be changed about each object."""
    parts: dict[str, Any] = {}
    for item in rendered.objects:
        name = f"{item['kind']}/{item['metadata']['name']}"
        spec = item.get("spec", {})
        if item["kind"] == "Deployment":
            parts[name] = spec["selector"]
        elif item["kind"] == "Service":
            parts[name] = {"clusterIP": spec.get("clusterIP"), "selector": spec["selector"]}
        elif item["kind"] == "PersistentVolumeClaim":
            parts[name] = {key: spec.get(key) for key in ("accessModes", "storageClassName")}
    return parts


@pytest.mark.parametrize(("presets", "values"), CHANGES, ids=lambda item: str(item)[:40])
def test_new_values_keep_what_is_immutable(
    presets: tuple[str, ...], values: dict[str, Any]
) -> None:
    new = fixed(render(*presets, values=values))

    for name, part in new.items():
        assert part == PUBLISHED[name]


def test_a_newer_kubernetes_keeps_what_is_immutable() -> None:
    assert fixed(render(kube="1.25.0")) == fixed(render(kube=COMMON))


def test_history_outlives_the_release() -> None:
    claim = render().one("PersistentVolumeClaim")

    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize("release", ["rocketship", "team-a", "my-rocketship"])
def test_no_selector_holds_a_version(release: str) -> None:
    for selector in fixed(render("production", release=release)).values():
        assert "0.1.0" not in json.dumps(selector)
