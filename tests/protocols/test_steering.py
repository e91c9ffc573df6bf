"""Fields that steer a gateway behind."""

from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.steering import check_steering, steering

NOBODY = frozenset[str]()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"model": "m", "user": "api_base"}, []),
        ({"base_url": "x", "api_base": "y"}, ["api_base", "base_url"]),
        ({"metadata": {"a": [{"b": {"proxy": 1}}], "proxy": 2}}, ["metadata.a.b.proxy", "metadata.proxy"]),
        ({"extra_body": {"headers": {"proxy": 1}}}, ["extra_body.headers", "extra_body.headers.proxy"]),
        ({"metadata": "api_base", "extra_body": None}, []),
        ({"messages": [{"api_base": 1}], "tools": [{"headers": 1}]}, []),
    ],
)
def test_they_are_found_where_gateways_look(fields: dict[str, Any], names: list[str]) -> None:
    assert list(steering(fields)) == names


def test_they_are_refused_unless_they_are_allowed() -> None:
    fields = {"metadata": {"headers": {}}, "api_key": "canary"}
    check_steering(fields, frozenset({"headers", "api_key"}))
    for allowed in (NOBODY, frozenset({"headers"}), frozenset({"metadata.headers", "metadata"})):
        with pytest.raises(InvalidRequestError, match=r"^(api_key|metadata\.headers): .*allow_fields") as caught:
            check_steering(fields, allowed)
        assert (caught.value.status, caught.value.code) == (400, "field_not_allowed")
        assert "canary" not in str(caught.value)
