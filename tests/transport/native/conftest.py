"""Every test of the native transport runs on both event loops."""

from pathlib import Path

import pytest
import trustme


@pytest.fixture(autouse=True)
def _both_loops(event_loop_kind: str) -> None:
    return


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the certificates of tests."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The authority's certificate, to be trusted."""
    path: Path = tmp_path_factory.mktemp("trust") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)
