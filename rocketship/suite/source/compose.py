"""From parser events to nodes: anchors, merge keys, tags and duplicate keys, all of it bounded.

The nodes that aliases stand for are shared, not copied; still they are counted where they are used,
because everything behind this module walks them there.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from yaml import CLoader
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from rocketship.dataclass import dataclass
from rocketship.suite.node import Node
from rocketship.suite.problem import LINE_BREAK, Problems
from rocketship.suite.source.scalars import resolve
from rocketship.values import Json, Location, type_name

MAX_DEPTH = 100
#: How many nodes all aliases of a file together may stand for.
MAX_ALIASED_NODES = 100_000

#: The parser's events, whose marks are always there, although their annotations leave it open.
Event: TypeAlias = Any

_GLUED_COMMENT = re.compile(r"[ \t]+(#\w\S*)")
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = {
    "null": ("null",),
    "boolean": ("bool",),
    "number": ("int", "float"),
    "string": ("str",),
}


class _Refused(Exception):
    """The document goes too deep or refers to nothing; composing it stops here."""

    def __init__(self, mark: Any, message: str, hint: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A node that can be referred to, how many nodes it is, and how many levels it has below it."""

    node: Node
    size: int
    height: int


def compose(text: str, file: str, problems: Problems) -> Node | None:
    """Return the first document of a text as nodes, or None after reporting why there is none."""
    composer = _Composer(text, file, problems)
    try:
        return composer.document()
    except MarkedYAMLError as error:
        from rocketship.suite.source.mistakes import explain

        mistake = explain(error, LINE_BREAK.split(text))
        location = Location(file, mistake.line + 1, mistake.column + 1)
        problems.error(location, mistake.message, mistake.hint)
    except YAMLError as error:
        problems.error(Location(file, 1, 1), f"not YAML: {error}")
    except _Refused as error:
        problems.error(composer.locate(error.mark), str(error), error.hint)
    return None


class _Composer:
    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._text = text
        self._file = file
        self._problems = problems
        self._next = CLoader(text.encode()).get_event
        self._anchors: dict[str, _Anchor | None] = {}
        self._nodes = 0
        self._aliased = 0
        self._deepest = 0

    def document(self) -> Node:
        self._next()  # the start of the stream
        if type(self._next()) is StreamEndEvent:
            return Node(None, Location(self._file, 1, 1))
        root = self._compose(self._next(), 0)
        self._next()  # the end of the document; whatever follows that is never looked at
        return root

    def locate(self, mark: Any) -> Location:
        return Location(self._file, mark.line + 1, mark.column + 1)

    def _compose(self, event: Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _Refused(
                event.start_mark,
                f"more than {MAX_DEPTH} levels of lists and mappings",
                "flatten the data, or put it in a file of its own",
            )
        if type(event) is AliasEvent:
            return self._alias(event, depth)
        if event.anchor is None:
            return self._build(event, depth)
        # Until its node is complete an anchor stands for nothing, so that it cannot contain itself.
        self._anchors[event.anchor] = None
        before, outside, self._deepest = self._nodes, self._deepest, depth
        node = self._build(event, depth)
        anchor = _Anchor(node, self._nodes - before, self._deepest - depth)
        self._anchors[event.anchor] = anchor
        self._deepest = max(outside, self._deepest)
        return node

    def _alias(self, event: Event, depth: int) -> Node:
        name = event.anchor
        if name not in self._anchors:
            known = ", ".join(self._anchors) or "none"
            raise _Refused(
                event.start_mark,
                f'there is no anchor "&{name}" before this alias',
                f"anchors so far: {known}; put the value in quotes if no alias is meant",
            )
        anchor = self._anchors[name]
        if anchor is None:
            raise _Refused(
                event.start_mark, f'"*{name}" refers to what it is part of', "remove the alias"
            )
        self._nodes += anchor.size
        self._aliased += anchor.size
        self._deepest = max(self._deepest, depth + anchor.height)
        if self._aliased > MAX_ALIASED_NODES or self._deepest > MAX_DEPTH:
            raise _Refused(
                event.start_mark,
                f'"*{name}" makes the document too large',
                f"aliases may stand for {MAX_ALIASED_NODES} values and {MAX_DEPTH} levels",
            )
        return anchor.node

    def _build(self, event: Event, depth: int) -> Node:
        self._nodes += 1
        if depth > self._deepest:
            self._deepest = depth
        if type(event) is ScalarEvent:
            mark = event.start_mark
            assert mark is not None
            location = Location(self._file, mark.line + 1, mark.column + 1)
            return Node(self._scalar(event), location)
        if type(event) is SequenceStartEvent:
            return self._sequence(event, depth)
        assert type(event) is MappingStartEvent
        return self._mapping(event, depth)

    def _scalar(self, event: Event) -> Json:
        text: str = event.value
        plain = event.tag is None and event.implicit[0]
        if not plain and event.tag in (None, "!", f"{_CORE}str"):
            return text
        try:
            value = resolve(text)
        except ValueError as error:
            self._problems.error(self.locate(event.start_mark), str(error), "put it in quotes")
            return text
        return value if plain else self._tagged(event, value)

    def _tagged(self, event: Event, value: Json) -> Json:
        name = event.tag.removeprefix(_CORE)
        if name == "float" and isinstance(value, int) and not isinstance(value, bool):
            return float(value) if abs(value) < 2**1023 else event.value
        if name == "int" and isinstance(value, float):
            value = event.value
        if name not in _SCALAR_TAGS[type_name(value)]:
            location = self.locate(event.start_mark)
            if any(name in names for names in _SCALAR_TAGS.values()):
                self._problems.error(location, f'"{event.value}" is not a value of !!{name}')
            else:
                self._unknown_tag(event)
        return value

    def _check_tag(self, event: Event, own: str) -> None:
        if event.tag not in (None, "!", f"{_CORE}{own}"):
            self._unknown_tag(event)

    def _unknown_tag(self, event: Event) -> None:
        tag = event.tag
        shown = f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag
        hint = "remove it, or put the value in quotes"
        self._problems.error(
            self.locate(event.start_mark), f"the tag {shown} means nothing here", hint
        )

    def _sequence(self, event: Event, depth: int) -> Node:
        self._check_tag(event, "seq")
        items = []
        while type(inner := self._next()) is not SequenceEndEvent:
            items.append(self._compose(inner, depth + 1))
        value: Json = [item.value for item in items]
        return Node(value, self.locate(event.start_mark), items=tuple(items))

    def _mapping(self, event: Event, depth: int) -> Node:
        self._check_tag(event, "map")
        entries: dict[str, tuple[Node, Node]] = {}
        merged: dict[str, tuple[Node, Node]] | None = None
        unquoted = False
        while type(inner := self._next()) is not MappingEndEvent:
            key = None
            if _opens_braces(event, inner):
                unquoted = True
                self._compose(inner, depth + 1)
            else:
                key = self._key(inner, depth)
            outer = self._next()
            value = self._compose(outer, depth + 1)
            if value.value is None:
                self._check_comment(outer)
            if key is not None:
                self._add(entries, key, value)
                if key.value == "<<" and _is_merge_key(inner):
                    merged = self._merge(value, outer)
        if unquoted:
            return self._braces(event, inner)
        if merged is not None:
            entries = _spread(entries, merged)
        plain: Json = {name: value_node.value for name, (_, value_node) in entries.items()}
        location = self.locate(event.start_mark)
        return Node(plain, location, entries=tuple(entries.values()))

    def _key(self, event: Event, depth: int) -> Node | None:
        """Return the node of a key, or None after reporting that it is not text."""
        node = self._compose(event, depth + 1)
        if isinstance(node.value, str):
            return node
        shown = f'the key "{event.value}"' if isinstance(event, ScalarEvent) else "a key"
        self._problems.error(
            self.locate(event.start_mark), f"{shown} is not text", "put it in quotes"
        )
        return None

    def _add(self, entries: dict[str, tuple[Node, Node]], key: Node, value: Node) -> None:
        name = str(key.value)
        if name not in entries:
            entries[name] = (key, value)
            return
        line, first = key.location.line, entries[name][0].location.line
        both = f"lines {first} and {line}" if first != line else f"line {line}, twice"
        hint = "write <<: [*a, *b]" if name == "<<" else "keep one of them"
        self._problems.error(key.location, f'the key "{name}" stands in {both}', hint)

    def _merge(self, value: Node, event: Event) -> dict[str, tuple[Node, Node]]:
        """Return the entries a merge key brings in; of several mappings the first wins."""
        merged: dict[str, tuple[Node, Node]] = {}
        for source in value.items if isinstance(value.value, list) else (value,):
            if not isinstance(source.value, dict):
                hint = "write <<: *anchor, or <<: [*a, *b]"
                location = self.locate(event.start_mark)
                self._problems.error(location, '"<<" takes mappings only', hint)
                return {}
            for key, item in source.entries:
                merged.setdefault(str(key.value), (key, item))
        return merged

    def _braces(self, event: Event, end: Event) -> Node:
        """Return what was meant by an unquoted `{{ x }}`, so that it causes no other complaint."""
        from rocketship.suite.source.mistakes import UNQUOTED_TEMPLATE

        text = self._text[event.start_mark.index : end.end_mark.index]
        location = self.locate(event.start_mark)
        self._problems.error(location, *UNQUOTED_TEMPLATE)
        return Node(text, location)

    def _check_comment(self, event: Event) -> None:
        """Warn of `color: #fff`, which is a key without a value and a comment."""
        if not _is_plain(event, ""):
            return
        if comment := _GLUED_COMMENT.match(self._text, event.start_mark.index):
            self._problems.warning(
                self.locate(event.start_mark),
                f'"{comment[1]}" is a comment, so the key has no value',
                "put the value in quotes if it starts with #, or a space behind the #",
            )


def _is_merge_key(event: Event) -> bool:
    return _is_plain(event, "<<")


def _is_plain(event: Event, text: str) -> bool:
    """Return whether an event is a text without quotes and tag."""
    return isinstance(event, ScalarEvent) and event.value == text and bool(event.implicit[0])


def _opens_braces(event: Event, key: Event) -> bool:
    """Return whether a mapping is really the two braces of an unquoted template."""
    opens_flow = isinstance(key, MappingStartEvent) and bool(key.flow_style)
    return opens_flow and key.start_mark.index == event.start_mark.index + 1


def _spread(
    entries: dict[str, tuple[Node, Node]], merged: dict[str, tuple[Node, Node]]
) -> dict[str, tuple[Node, Node]]:
    """Return the entries with merged ones in the place of the merge key; own keys win."""
    spread: dict[str, tuple[Node, Node]] = {}
    for name, entry in entries.items():
        if name == "<<":
            spread |= {key: item for key, item in merged.items() if key not in entries}
        else:
            spread[name] = entry
    return spread
