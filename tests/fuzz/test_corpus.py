"""Inputs that once broke something, or reached code that others do not: each is read as it should be."""

import pytest

from tests.fuzz.corpus import MAX_BYTES, MAX_SEEDS, ROOT, kept, seeds
from tests.fuzz.targets.table import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_reads_what_is_known(name: str) -> None:
    assert seeds(name), "a target without inputs is not tried"
    for data in seeds(name):
        TARGETS[name].run(data)


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    assert {path.name for path in ROOT.iterdir()} <= set(TARGETS)
    sizes = {name: [len(data) for data in kept(name)] for name in TARGETS}
    assert max(len(each) for each in sizes.values()) <= MAX_SEEDS
    assert sum(map(sum, sizes.values())) <= MAX_BYTES
