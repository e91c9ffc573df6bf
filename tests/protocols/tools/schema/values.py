"""Values for a JSON Schema, valid and nearly valid ones: always the same for the same schema."""

import random
from typing import Any

TEXTS = (
    "",
    "a",
    "ab",
    "abc",
    "abz",
    "az",
    "x",
    "y",
    "x-1",
    "/p",
    "b",
    "bb",
    "root",
    "eq",
    "file",
    "A_B",
    "text",
    "create",
)
NUMBERS = (0, 1, 2, 3, 4, 5, 7, 9, 10, 30, -1, 0.5, 7.5)
ANY: tuple[Any, ...] = (
    *(*TEXTS, *NUMBERS, True, False, None, [], [1], ["a"], ["ab"], ["a", 1], [1, "a"]),
    *({}, {"a": 1}, {"a": "x"}, {"a": "x", "b": 2}, {"k": "a"}, {"k": "b", "n": 1}, {"b": 1}),
)
NAMES = ("a", "b", "z1", "x-h", "s_q", "nn", "q", "A_B", "c")


class Sampler:
    """Makes values that mostly match a schema."""

    def __init__(self, root: Any, seed: int) -> None:
        self._root = root
        self._chance = random.Random(seed)

    def value(self, schema: Any, level: int = 0) -> Any:
        """One value."""
        chance = self._chance
        if not isinstance(schema, dict) or level > 12 or chance.random() < 0.04:
            return chance.choice(ANY)
        if "$ref" in schema:
            schema = self._target(schema["$ref"])
            return self.value(schema, level + 1)
        if "$dynamicRef" in schema:
            return {"v": 1}
        if "const" in schema:
            return schema["const"]
        if "enum" in schema and chance.random() < 0.95:
            return chance.choice(schema["enum"])
        found = [self._plain(schema, level)] if self._types(schema) else []
        for name in ("anyOf", "oneOf"):
            if name in schema:
                found.append(self.value(chance.choice(schema[name]), level + 1))
        found.extend(self.value(each, level + 1) for each in schema.get("allOf", ()))
        for name in ("then", "else", "if"):
            if name in schema and chance.random() < 0.5:
                found.append(self.value(schema[name], level + 1))
        if not found:
            return chance.choice(ANY)
        objects = [each for each in found if isinstance(each, dict)]
        if len(objects) > 1:
            return {key: inner for each in objects for key, inner in each.items()}
        return objects[0] if objects and chance.random() < 0.8 else chance.choice(found)

    def _target(self, reference: str) -> Any:
        found = self._root
        for step in reference.lstrip("#/").split("/") if "/" in reference and reference.startswith("#") else ():
            found = found.get(step, {})
        return found if found is not self._root or reference == "#" else {}

    def _types(self, schema: dict[str, Any]) -> list[str]:
        said = schema.get("type")
        if said is not None:
            return [said] if isinstance(said, str) else list(said)
        if schema.keys() & {"properties", "required", "additionalProperties", "patternProperties", "propertyNames"}:
            return ["object"]
        if schema.keys() & {"items", "prefixItems", "contains"}:
            return ["array"]
        if schema.keys() & {"minLength", "pattern", "maxLength", "format"}:
            return ["string"]
        return ["integer"] if schema.keys() & {"minimum", "maximum", "exclusiveMinimum"} else []

    def _plain(self, schema: dict[str, Any], level: int) -> Any:
        chance = self._chance
        match chance.choice(self._types(schema)):
            case "string":
                return chance.choice(TEXTS)
            case "integer" | "number":
                edges = [schema[name] + step for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
                         if not isinstance(schema.get(name, True), bool) for step in (0, 1, -1, 0.5)]  # fmt: skip
                return chance.choice([*edges, *edges, *NUMBERS])
            case "boolean":
                return chance.choice([True, False])
            case "null":
                return None
            case "array":
                return self._array(schema, level)
            case _:
                return self._object(schema, level)

    def _array(self, schema: dict[str, Any], level: int) -> list[Any]:
        items = schema.get("items", True)
        first = schema.get("prefixItems", items if isinstance(items, list) else [])
        rest = schema.get("additionalItems", True) if isinstance(items, list) else items
        values = [self.value(each, level + 1) for each in first if self._chance.random() < 0.9]
        if rest is not False:
            values += [self.value(rest, level + 1) for _ in range(self._chance.randint(0, 2))]
        if "contains" in schema and self._chance.random() < 0.8:
            values.append(self.value(schema["contains"], level + 1))
        return values

    def _object(self, schema: dict[str, Any], level: int) -> dict[str, Any]:
        chance = self._chance
        declared = schema.get("properties", {})
        made: dict[str, Any] = {}
        for name, inner in declared.items():
            if chance.random() < (0.97 if name in schema.get("required", ()) else 0.5):
                made[name] = self.value(inner, level + 1)
        for name in schema.get("required", ()):
            if name not in declared and chance.random() < 0.9:
                made[name] = chance.choice(ANY)
        extra = schema.get("additionalProperties", True)
        if chance.random() < (0.1 if extra is False and not schema.get("patternProperties") else 0.4):
            name = chance.choice(NAMES)
            patterns = list(schema.get("patternProperties", {}).values())
            made.setdefault(name, self.value(chance.choice([*patterns, extra]), level + 1))
        return made


def values(schema: Any, count: int) -> list[dict[str, Any]]:
    """Arguments for a tool, which are always an object."""
    sampler = Sampler(schema, count)
    return [made for _ in range(count) if isinstance(made := sampler.value(schema), dict)]
