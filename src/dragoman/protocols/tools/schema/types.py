"""The types and values that a schema names, in the form that a target takes. Knows no vendor."""

from collections.abc import Sequence

from dragoman.protocols.tools.schema.keywords import OF_TYPE, TYPED, Schema, is_of, type_of, types_of
from dragoman.protocols.tools.schema.merge import both
from dragoman.protocols.tools.schema.target import Target


def nullable(target: Target, node: Schema) -> None:
    """Says OpenAPI's word as JSON Schema does, if the target knows only that."""
    if target.support.keywords is None or target.says_nullable or "nullable" not in node:
        return
    target.same.add("nullable")
    if node.pop("nullable") is not True:
        return
    if (types := types_of(node)) is not None and "null" not in types:
        node["type"] = [*types, "null"]
    if "enum" in node and None not in node["enum"]:
        node["enum"] = [*node["enum"], None]
    for name in ("anyOf", "oneOf"):
        if name in node:
            node[name] = [*node[name], {"type": "null"}]


def constant(target: Target, node: Schema) -> None:
    if "const" in node and not target.takes("const", 0) and target.takes("enum", 0):
        node["enum"] = [node.pop("const")]
        target.same.add("const")


def typed(target: Target, node: Schema, words: list[str]) -> None:
    types = types_of(node)
    values = node.get("enum")
    if values is not None and target.has("string-enums"):
        types = _strings(target, node, types, words)
        values = node.get("enum")
    if types is None or len(types) == 1:
        if types is not None:
            node["type"] = types[0]
        return
    if "integer" in types and "number" in types:
        types = [each for each in types if each != "integer"]
    if values is not None:
        types = [each for each in types if any(is_of(value, each) for value in values)] or types
    if "null" in types and len(types) > 1 and target.says_nullable:
        types = [each for each in types if each != "null"]
        node["nullable"] = True
        if values is not None:
            node["enum"] = [value for value in values if value is not None]
        target.same.add("type")
    node["type"] = types[0] if len(types) == 1 else types
    if len(types) > 1 and target.has("single-type"):
        _split(target, node, types)


def _strings(target: Target, node: Schema, types: list[str] | None, words: list[str]) -> list[str] | None:
    """Keeps `enum` only if its values are texts; null has a word of its own."""
    values = node["enum"]
    texts = [value for value in values if value is not None]
    if texts and all(isinstance(value, str) and value for value in texts):
        found = ["string", "null"] if None in values else ["string"]
        kept = [each for each in found if types is None or each in types]
        if kept[:1] == ["string"] and (len(kept) == 1 or target.says_nullable):
            node["enum"] = texts if len(kept) == 1 else values
            return kept
    found = list(dict.fromkeys(type_of(value) for value in values))
    target.tell("enum", node, words)
    del node["enum"]
    if types is not None:
        return types
    node["type"] = found
    return found


def _split(target: Target, node: Schema, types: Sequence[str]) -> None:
    """One alternative for each type, with the keywords that concern it."""
    branches = []
    for name in types:
        concerns = OF_TYPE[name] | ({"format"} if name in {"string", "integer", "number"} else frozenset())
        branch: Schema = {"type": name} | {key: node[key] for key in node if key in concerns}
        if "enum" in node:
            branch["enum"] = [value for value in node["enum"] if is_of(value, name)]
        branches.append(branch)
    if "anyOf" in node:
        product = both({"anyOf": node["anyOf"]}, {"anyOf": branches})
        if product[1] or product[2]:
            node.pop("type")  # the alternatives say enough
            target.wider += 1
            target.lost.add("type")
            return
        branches = product[0]["anyOf"]
    for key in [key for key in node if key in TYPED or key in {"type", "enum", "format"}]:
        del node[key]
    node["anyOf"] = branches
    target.same.add("type")
