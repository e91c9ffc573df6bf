"""One gateway for all examples of a worker."""

from collections.abc import Iterator

import pytest

from tests.docs.ground import gateway


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a gateway with the offline models."""
    with gateway(tmp_path_factory.mktemp("gateway")) as found:
        yield found
