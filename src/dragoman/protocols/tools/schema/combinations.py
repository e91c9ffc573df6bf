"""Schemas that are put together, `allOf`, `anyOf` and `oneOf`, in the form that a target takes. Knows no vendor."""

from collections.abc import Callable, Sequence
from typing import Any

from dragoman.protocols.tools.schema.keywords import DEFINITIONS, HINTS, IDENTIFIERS, Schema, same, types_of
from dragoman.protocols.tools.schema.merge import MAX_ALTERNATIVES, both
from dragoman.protocols.tools.schema.references import CUT
from dragoman.protocols.tools.schema.target import Target
from dragoman.protocols.tools.schema.words import joined_words


def joined(target: Target, schema: Schema, words: list[str], level: int) -> Schema:
    """`schema` with its `allOf` in it, if the target does not take that."""
    node = dict(schema)
    if target.takes("allOf", level):
        return node
    while "allOf" in node:
        target.same.add("allOf")
        for branch in node.pop("allOf"):
            if isinstance(branch, dict):
                node, left, wider = both(node, branch)
                if wider:
                    target.lost.add("allOf")
                    target.wider += 1
                if left:
                    target.tell("allOf", {"allOf": [left]}, words)
            elif branch is False:
                target.tell("allOf", {"allOf": [branch]}, words)
    return node


def unwrapped(target: Target, node: Schema, words: list[str], level: int) -> Schema:
    """`node` with the only alternative to null in it, if the target has a word for null."""
    for name in ("anyOf", "oneOf"):
        branches = node.get(name, ())
        others = [each for each in branches if not _is_null(each)]
        if not target.says_nullable or len(others) != 1 or len(branches) < 2 or not isinstance(others[0], dict):
            continue
        if name == "oneOf" and not _is_disjoint(branches):
            continue
        rest = {key: value for key, value in node.items() if key != name}
        merged, left, wider = both(rest, others[0])
        if not left and not wider:
            target.same.add(name)
            if "null" in (types_of(node) or ["null"]):
                merged["nullable"] = True
            return unwrapped(target, joined(target, merged, words, level), words, level)
    return node


def one_of(target: Target, node: Schema, words: list[str], level: int, exact: Callable[[Any, int], Any]) -> None:
    """Turns `oneOf` into `anyOf`, unless the target takes it and each alternative is as it was."""
    branches = node.get("oneOf")
    if branches is None:
        return
    if target.takes("oneOf", level) and all(exact(each, level) is not None for each in branches):
        return
    if "anyOf" in node:
        product = both({"anyOf": node["anyOf"]}, {"anyOf": branches})
        if product[1] or product[2]:
            target.tell("oneOf", node, words)
            del node["oneOf"]
            return
        branches = product[0]["anyOf"]
    node["anyOf"] = branches
    del node["oneOf"]
    if _is_disjoint(branches):
        target.same.add("oneOf")
        return
    target.wider += 1
    (target.told if target.describes else target.lost).add("oneOf")
    if target.describes and "discriminator" not in node:
        words.append("Exactly one of these forms must match.")


def alternatives(target: Target, node: Schema, words: list[str], level: int) -> Schema:
    """`node` without `anyOf` if there is a simpler way to say it."""
    branches = node.get("anyOf")
    if branches is None:
        return node
    rest = {name: value for name, value in node.items() if name != "anyOf"}
    others = [each for each in branches if not _is_null(each)]
    if target.says_nullable and others and len(others) < len(branches):
        target.same.add("anyOf")
        if "null" in (types_of(node) or ["null"]):
            rest["nullable"] = True
        branches = others
        node = rest | {"anyOf": others}
    if target.takes("anyOf", level):
        return node
    types = [types_of(each) if isinstance(each, dict) else None for each in branches]
    if "type" not in node and all(types):
        found = list(dict.fromkeys(name for each in types if each for name in each))
        if len(found) == 1 or not target.has("single-type"):
            rest["type"] = found
    only_types = all(isinstance(each, dict) and each.keys() <= HINTS | {"type"} for each in branches)
    if only_types and "type" in rest and "type" not in node:
        target.same.add("anyOf")
        return rest
    target.tell("anyOf", {"anyOf": branches}, words)
    return rest


def distributed(target: Target, node: Schema, words: list[str]) -> Schema:
    """`node` with all that it says beside `anyOf` in the alternatives, or with `anyOf` in words."""
    told = {name: value for name, value in node.items() if name in HINTS or name in {CUT, "nullable"}}
    means = {
        name: value
        for name, value in node.items()
        if name not in told and name not in IDENTIFIERS and name != "anyOf" and name not in DEFINITIONS
    }
    if not means:
        return node
    branches = node["anyOf"]
    if not means.keys() & {"properties", "items"} and len(branches) <= MAX_ALTERNATIVES:
        variants = [both(means, each) for each in branches if isinstance(each, dict)]
        if len(variants) == len(branches) and not any(left or wider for _, left, wider in variants):
            target.same.add("anyOf")
            return told | {"anyOf": [joined for joined, _, _ in variants]}
    target.tell("anyOf", node, words)
    return {name: value for name, value in node.items() if name != "anyOf"}


def lone(target: Target, compiled: Schema) -> Schema:
    """`compiled` with nothing beside `anyOf`: what else it says is put into the alternatives."""
    branches: list[Any] = []
    for each in compiled["anyOf"]:
        if isinstance(each, dict):
            branches += map(_copy, each["anyOf"]) if each.keys() == {"anyOf"} else [dict(each)]
        else:
            branches.append({} if each else each)
    words = [compiled.get("description", "")]
    for name in compiled:
        if name == "title":
            target.same.add(name)
        elif name not in {"anyOf", "description", "nullable"}:
            target.tell(name, compiled, words)
    schemas = [branch for branch in branches if isinstance(branch, dict)]
    for branch in schemas:
        if told := joined_words(*words, branch.get("description", "")):
            branch["description"] = told
    if compiled.get("nullable") and schemas:
        schemas[0]["nullable"] = True
    return {"anyOf": branches}


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (
        (types_of(schema) == ["null"] and schema.keys() <= HINTS | {"type"})
        or (
            schema.get("enum", [schema.get("const", 0)]) == [None]
            and schema.keys() <= HINTS | {"const", "enum", "type"}
        )
    )


def _is_disjoint(branches: Sequence[Any]) -> bool:
    """Whether no value can match two of them, as far as types, constants and required properties tell."""
    return all(_exclude(one, other) for i, one in enumerate(branches) for other in branches[i + 1 :])


def _exclude(one: Any, other: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    mine, theirs = _kinds(one), _kinds(other)
    if mine and theirs and mine.isdisjoint(theirs):
        return True
    if mine != {"object"} or theirs != {"object"}:
        return False
    common = [name for name in one.get("required", ()) if name in other.get("required", ())]
    constants = [(_constant_of(one, name), _constant_of(other, name)) for name in common]
    return (
        _refuses(one, other) or _refuses(other, one) or any(None not in pair and not same(*pair) for pair in constants)
    )


def _kinds(schema: Schema) -> set[str]:
    return {"number" if name == "integer" else name for name in types_of(schema) or ()}


def _refuses(closed: Schema, other: Schema) -> bool:
    """Whether `other` requires a property that `closed` does not allow."""
    if closed.get("additionalProperties") is not False or closed.get("patternProperties"):
        return False
    return any(name not in closed.get("properties", {}) for name in other.get("required", ()))


def _constant_of(schema: Schema, name: str) -> Any:
    inner = schema.get("properties", {}).get(name)
    if not isinstance(inner, dict):
        return None
    values = inner.get("enum", [inner.get("const")])
    return values[0] if len(values) == 1 else None


def _copy(schema: Any) -> Any:
    return dict(schema) if isinstance(schema, dict) else schema
