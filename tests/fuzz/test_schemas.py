"""Each schema that once broke a compiler is compiled in all ways: the fuzz target picks one of them for each input."""

import msgspec
import pytest

from tests.fuzz.corpus import seeds
from tests.fuzz.targets.schemas import SUPPORTS, WAYS, Way, compile_for


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_service_in_every_way(way: Way) -> None:
    for data in seeds("tool-schema"):
        for support in SUPPORTS:
            compile_for(msgspec.json.decode(data), support, way)
