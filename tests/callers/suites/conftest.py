"""What every caller needs: where the gateway is."""

import os

import pytest


@pytest.fixture
def url() -> str:
    """The gateway's address, without `/v1`."""
    return os.environ["DRAGOMAN_URL"]


@pytest.fixture
def model() -> str:
    """The model that is asked."""
    return os.environ["DRAGOMAN_MODEL"]
