"""Writes the files that are made from code; with --check, tells whether they are up to date."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import chart_values
from reference.pages import pages

from rocketship.plugins.registry import Registry
from rocketship.suite.schema import json_schema

ROOT = Path(__file__).parents[1]
WIRE = "rocketship/wire/_generated"
STATIC = ROOT / "rocketship" / "server" / "web" / "pages" / "static"
_BANNER = (
    "/* Made from web/src by `make generate`. Contains @bufbuild/protobuf and @connectrpc/connect, "
    "published under the Apache License 2.0. */"
)
_BUNDLE = (
    "--bundle",
    "--minify",
    "--format=esm",
    "--target=es2022",
    f"--banner:js={_BANNER}",
)


def generated() -> dict[Path, str]:
    """Return the content of every generated file."""
    schema = json.dumps(json_schema(Registry()), indent=2, ensure_ascii=False)
    return {
        ROOT / "docs" / "suite.schema.json": schema + "\n",
        ROOT / "chart" / "README.md": chart_values.readme(),
        **pages(),
        **wire_code(),
        **web_code(),
    }


def wire_code() -> dict[Path, str]:
    """Return the code made from the protocol, by its place in the repository."""
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            "protoc",
            # The proto file is known under the folder of its code, so that imports fit the package.
            f"-I{WIRE}={ROOT / 'proto' / 'rocketship' / 'v1'}",
            f"-I{well_known}",
            f"--python_out={folder}",
            f"--pyi_out={folder}",
            f"--grpc_python_out={folder}",
            f"{WIRE}/engine.proto",
        ]
        if protoc.main(arguments) != 0:
            sys.exit("protoc failed")
        made = sorted((Path(folder) / WIRE).iterdir())
        return {ROOT / WIRE / path.name: path.read_text(encoding="utf-8") for path in made}


def web_code() -> dict[Path, str]:
    """Return what the pages run, made from `web/src`; its tools must be installed there."""
    from grpc_tools import protoc

    web, tools = ROOT / "web", ROOT / "web" / "node_modules" / ".bin"
    made = web / "src" / "_generated"
    made.mkdir(exist_ok=True)
    arguments = [
        "protoc",
        f"-I{ROOT / 'proto'}",
        f"--plugin=protoc-gen-es={tools / 'protoc-gen-es'}",
        f"--es_out={made}",
        "--es_opt=target=ts",
        "rocketship/v1/engine.proto",
    ]
    if protoc.main(arguments) != 0:
        sys.exit("protoc failed")
    subprocess.run([tools / "tsc", "--noEmit"], cwd=web, check=True)
    bundle = subprocess.run(
        [tools / "esbuild", "src/main.ts", *_BUNDLE], cwd=web, check=True, capture_output=True
    )
    return {STATIC / "app.js": bundle.stdout.decode()}


def main(arguments: list[str]) -> int:
    """Write or check, and return the exit code."""
    files = generated()
    stale = [
        path
        for path, content in files.items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make generate`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
