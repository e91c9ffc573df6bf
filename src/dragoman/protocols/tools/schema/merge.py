"""One JSON Schema for several: what matches both of two, and what matches any of several. Knows no vendor.

What comes out may take more than what went in, never less: a value that was valid stays valid.
"""

from collections.abc import Sequence
from typing import Any

from dragoman.protocols.tools.schema.keywords import DEFINITIONS, HINTS, IDENTIFIERS, Schema, same, types_of
from dragoman.protocols.tools.schema.references import CUT
from dragoman.protocols.tools.schema.words import joined_words, quoted

MAX_ALTERNATIVES = 16
"""Alternatives that a product of two lists of them may have."""

# Keywords that mean something only together.
_OBJECT = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties")
_ARRAY = (
    *("items", "prefixItems", "additionalItems", "unevaluatedItems"),
    *("contains", "minContains", "maxContains"),
)
_CONDITION = ("if", "then", "else")
_GROUPS = (_ARRAY, _CONDITION)

_LEAST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_MOST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_FIRST = (HINTS - {"description"}) | IDENTIFIERS | {CUT, "nullable"}
"""Keywords of which the first is kept."""

_OF_ALL = _FIRST | DEFINITIONS | {"description"}
"""The same for alternatives, which have these in common."""


def both(first: Schema, second: Schema) -> tuple[Schema, Schema, bool]:
    """A schema for what matches both, what of `second` is not in it, and whether it takes more than both together."""
    merge = _Merge(first)
    for name, value in second.items():
        merge.add(name, value, second)
    return merge.joined, merge.left, merge.wider


class _Merge:
    def __init__(self, first: Schema) -> None:
        self._first = first
        self.joined: Schema = dict(first)
        self.left: Schema = {}
        self.wider = False
        self._objects_done = False

    def add(self, name: str, value: Any, second: Schema) -> None:
        if name in _OBJECT:
            if not self._objects_done:
                self._objects_done = True
                self._objects(second)
            return
        group = next((group for group in _GROUPS if name in group), (name,))
        if len(group) > 1 and any(each in self._first for each in group):
            self._group(group, second)
            return
        if name not in self.joined:
            self.joined[name] = value
        elif name not in self.left and not same(self.joined[name], value) and name not in _FIRST:
            self._join(name, value)

    def _join(self, name: str, value: Any) -> None:
        mine = self.joined[name]
        match mine, value:
            case str(), str() if name == "description":
                self.joined[name] = f"{mine} {value}" if value not in mine else mine
            case list() | tuple(), list() | tuple() if name == "required":
                self.joined[name] = [*mine, *(each for each in value if each not in mine)]
            case list() | tuple(), list() | tuple() if name == "enum":
                if common := [each for each in mine if any(same(each, other) for other in value)]:
                    self.joined[name] = common
                else:
                    self.left[name] = value
            case list() | tuple(), list() | tuple() if name == "allOf":
                self.joined[name] = [*mine, *value]
            case list() | tuple(), list() | tuple() if name == "anyOf":
                self._alternatives(mine, value)
            case dict(), dict() if name in DEFINITIONS:
                self.joined[name] = value | mine
            case ((int() | float()), (int() | float())) if name in _LEAST and not isinstance(mine, bool):
                self.joined[name] = max(mine, value)
            case ((int() | float()), (int() | float())) if name in _MOST and not isinstance(mine, bool):
                self.joined[name] = min(mine, value)
            case bool(), bool() if name == "uniqueItems":
                self.joined[name] = True
            case _ if name == "type":
                self._types(value)
            case _:
                self.left[name] = value

    def _types(self, value: Any) -> None:
        mine, theirs = types_of(self.joined) or [], types_of({"type": value}) or []
        common = [each for each in mine if each in theirs or (each == "integer" and "number" in theirs)]
        common += [each for each in theirs if each == "integer" and "number" in mine and each not in common]
        if common:
            self.joined["type"] = common[0] if len(common) == 1 else common
        else:
            self.left["type"] = value

    def _alternatives(self, mine: Sequence[Any], theirs: Sequence[Any]) -> None:
        if len(mine) * len(theirs) > MAX_ALTERNATIVES or not all(isinstance(each, dict) for each in (*mine, *theirs)):
            self.left["anyOf"] = theirs
            return
        product = [both(one, other) for one in mine for other in theirs]
        if any(left for _, left, _ in product):
            self.left["anyOf"] = theirs
        else:
            self.joined["anyOf"] = [joined for joined, _, _ in product]
            self.wider = self.wider or any(wider for *_, wider in product)

    def _group(self, group: tuple[str, ...], second: Schema) -> None:
        """Joins keywords of one `group` if both say the same, or if `items` is all that they say."""
        ours = {each: self._first[each] for each in group if each in self._first}
        theirs = {each: second[each] for each in group if each in second}
        if ours.keys() == theirs.keys() == {"items"}:
            self.joined["items"] = self._inner(ours["items"], theirs["items"])
        elif ours != theirs:
            self.left |= theirs

    def _objects(self, second: Schema) -> None:
        """Joins what is said of properties.

        The rest of one (`additionalProperties`) also judges the properties that only the other has: that is given up.
        """
        for one, other in ((self.joined, second), (second, self.joined)):
            if one.get("additionalProperties", True) is not True and (
                not _keys(other, "properties") <= _keys(one, "properties") or other.get("patternProperties")
            ):
                self.wider = True
        for name in ("properties", "patternProperties"):
            mine, theirs = self.joined.get(name), second.get(name)
            if isinstance(mine, dict) and isinstance(theirs, dict):
                joined = dict(mine)
                for key, value in theirs.items():
                    joined[key] = self._inner(mine[key], value) if key in mine else value
                self.joined[name] = joined
            elif theirs is not None and not isinstance(mine, dict):
                self.joined[name] = theirs
        for name in ("additionalProperties", "unevaluatedProperties"):
            if name in second:
                self.joined[name] = self._inner(self.joined.get(name, True), second[name])
        if "unevaluatedProperties" in second:
            self.wider = True

    def _inner(self, mine: Any, theirs: Any) -> Any:
        """One schema for two; what cannot be joined is given up."""
        if mine is False or theirs is False:
            return False
        if not isinstance(mine, dict) or not isinstance(theirs, dict):
            return theirs if mine is True else mine
        if mine == theirs:
            return mine
        joined, left, wider = both(mine, theirs)
        self.wider = self.wider or wider or bool(left)
        return joined


def _keys(schema: Schema, name: str) -> set[str]:
    value = schema.get(name)
    return set(value) if isinstance(value, dict) else set()


def any_of(variants: Sequence[Schema]) -> Schema:
    """One object for several that take objects: all their properties, of which those are required that all require."""
    names = dict.fromkeys(name for each in variants for name in each.get("properties", {}))
    joined: Schema = {"type": "object", "properties": {name: _property(name, variants) for name in names}}
    required = [each["required"] if isinstance(each.get("required"), list | tuple) else () for each in variants]
    if common := [name for name in required[0] if all(name in each for each in required)]:
        joined["required"] = common
    if all(_is_closed(each) for each in variants):
        joined["additionalProperties"] = False
    first, *others = variants
    for name, value in first.items():
        if name in joined or name in _OBJECT or name == "required":
            continue
        if name in _OF_ALL or all(name in each and same(each[name], value) for each in others):
            joined[name] = value
    return joined


def _is_closed(schema: Schema) -> bool:
    return schema.get("additionalProperties") is False and not schema.get("patternProperties")


def _property(name: str, variants: Sequence[Schema]) -> Any:
    forms: list[Any] = []
    is_open = False
    for variant in variants:
        if name not in _keys(variant, "properties"):
            is_open = is_open or not _is_closed(variant)
        elif (form := variant["properties"][name]) is not False and form not in forms:
            forms.append(form)
    if is_open:
        return _told(forms)
    if len(forms) < 2:
        return forms[0] if forms else False
    return _values(forms) or {"anyOf": forms}


def _told(forms: Sequence[Any]) -> Schema:
    """A schema that takes everything, because one of the alternatives does, and tells of the others in words."""
    words = [form["description"] for form in forms if isinstance(form, dict) and "description" in form][:1]
    means = [{key: value for key, value in form.items() if key not in _FIRST and key != "description"}
             for form in forms if isinstance(form, dict)]  # fmt: skip
    shown = [text for form in means if form and (text := quoted(form)) is not None]
    told = joined_words(*words, *(["Usually: " + " or ".join(shown) + "."] if shown else []))
    return {CUT: True, "description": told} if told else {CUT: True}


def _values(forms: Sequence[Any]) -> Schema | None:
    """One list of values, if each of `forms` is one."""
    values: list[Any] = []
    types: list[Any] = []
    for form in forms:
        if not isinstance(form, dict) or not form.keys() <= {
            "const",
            "enum",
            "type",
            "title",
            "description",
            "default",
        }:
            return None
        if ("const" in form) == ("enum" in form) or not isinstance(form.get("enum", []), list):
            return None
        found = form["enum"] if "enum" in form else [form["const"]]
        values.extend(value for value in found if not any(same(value, each) for each in values))
        types.append(form.get("type"))
    merged: Schema = {"enum": values}
    if types[0] is not None and all(each == types[0] for each in types):
        merged["type"] = types[0]
    if told := [form["description"] for form in forms if "description" in form]:
        merged["description"] = told[0]
    return merged
