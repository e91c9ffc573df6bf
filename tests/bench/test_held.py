"""The search for the most streams stops at the first that is lost."""

from bench.contenders import Ground, direct
from bench.held import climb, rows


def test_it_climbs_while_all_is_held(ground: Ground) -> None:
    found = climb(ground, "upstream itself", lambda ground: [direct(ground)], [2, 4])
    assert (found.streams, len(found.tried)) == (4, 2)
    assert rows([found])[1][:5] == ["upstream itself", "4", "4", "4", "the machine's descriptors"]
