"""values.yaml, its schema and the templates know the same values."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from rocketship import __version__
from tests.fixtures.helm import CHART, PRESETS, ROOT, helm

VALUES = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
TEMPLATES = "\n".join(
    path.read_text("utf-8") for path in sorted((CHART / "templates").rglob("*")) if path.is_file()
)


def in_values(values: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{above}{key}"
        if isinstance(value, dict) and key != "resources":
            yield from in_values(value, f"{above}{key}.")


def in_schema(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in schema.get("properties", {}).items():
        yield f"{above}{key}"
        yield from in_schema(value, f"{above}{key}.")


def groups(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for value in schema.values():
            yield from groups(value)


def test_schema_knows_exactly_the_values_there_are() -> None:
    assert set(in_schema(SCHEMA)) == set(in_values(VALUES))


def test_schema_refuses_what_it_does_not_know_everywhere() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert [group for group in groups(SCHEMA) if group.get("additionalProperties", True)] == []


@pytest.mark.parametrize("path", sorted(set(in_values(VALUES)) - {"global"}))
def test_value_is_used_by_a_template(path: str) -> None:
    key = path.rsplit(".", 1)[-1]

    # Those of a group are handed on as a whole, or chosen by a name in quotes.
    handed_on = path.startswith(("engine.probes.", "worker.probes."))
    assert handed_on or re.search(rf'(\.|"){key}\b', TEMPLATES)


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_only_names_values_there_are(preset: str) -> None:
    values = yaml.safe_load((CHART / f"values-{preset}.yaml").read_text("utf-8"))
    free = {path for path in in_values(VALUES) if path.endswith(("annotations", "resources"))}

    unknown = set(in_values(values)) - set(in_values(VALUES))

    assert [path for path in unknown if not path.startswith(tuple(free))] == []


@pytest.mark.parametrize("preset", ["", *PRESETS])
def test_lint_finds_nothing(preset: str) -> None:
    files = [f"--values={CHART / f'values-{preset}.yaml'}"] if preset else []

    done = helm("lint", "--strict", str(CHART), *files)

    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout
    assert "[ERROR]" not in done.stdout


def test_chart_is_of_the_same_version_as_the_program() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))

    assert chart["appVersion"] == __version__
    assert f"ARG VERSION={__version__}\n" in (ROOT / "Containerfile").read_text("utf-8")


@pytest.mark.parametrize("version", ["v1.25.0", "v1.30.4-eks-036c24b", "v1.33.1-gke.1386000"])
def test_versions_of_providers_are_supported(version: str) -> None:
    done = helm("template", "r", str(CHART), f"--kube-version={version}")

    assert done.returncode == 0, done.stderr


def test_versions_before_are_not() -> None:
    done = helm("template", "r", str(CHART), "--kube-version=v1.24.17")

    assert "requires kubeVersion: >=1.25.0-0" in done.stderr


def test_readme_has_every_value_with_its_default() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "chart_values.py"))
    readme = (CHART / "README.md").read_text("utf-8")

    assert script["readme"]() == readme
    for path, _ in script["leaves"](VALUES):
        assert f"| `{'.'.join(path)}` |" in readme


def test_global_values_of_a_chart_above_are_accepted() -> None:
    done = helm("template", "r", str(CHART), "--set=global.imageRegistry=x")

    assert done.returncode == 0
