"""Labels: names of the configuration stay, and all others count as one."""

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway.metrics.names import DIRECT, MAX_CODES, OTHER, Names

CONFIG = Config(
    gateway=GatewayConfig(default_model="up/of-the-gateway"),
    providers={
        "up": ProviderConfig(
            protocol="openai-chat",
            url="http://127.0.0.1:9/v1",
            models=("listed",),
            model_aliases={"alias": "listed"},
            default_model="of-the-entry",
        )
    },
    models={"fast": ModelConfig(targets=("up/of-a-route", "inner")), "inner": ModelConfig(targets=("up/inside",))},
)


@pytest.fixture
def names() -> Names:
    return Names(CONFIG, {"up", "offline"})


@pytest.mark.parametrize("model", ["of-the-gateway", "listed", "alias", "of-the-entry", "of-a-route", "inside"])
def test_a_target_that_the_configuration_names_is_a_label(names: Names, model: str) -> None:
    assert names.target(f"up/{model}") == f"up/{model}"


def test_any_other_model_of_a_service_counts_as_one(names: Names) -> None:
    assert {names.target(f"up/{model}") for model in ("made", "up")} == {f"up/{OTHER}"}
    assert names.target("offline/eliza") == f"offline/{OTHER}"
    assert names.target("") == ""
    assert names.target("inner") == f"inner/{OTHER}", "a route is no target, though a route may name it"


def test_without_a_default_model_none_is_a_target() -> None:
    assert Names(Config(), {"up"}).target("up/of-the-gateway") == f"up/{OTHER}"


def test_a_route_a_direct_target_and_what_does_not_exist(names: Names) -> None:
    assert [names.route(model) for model in ("fast", "", "up/made", "up", "made/up")] == [
        "fast",
        "",
        DIRECT,
        DIRECT,
        OTHER,
    ]


def test_codes_are_bounded_and_a_known_one_stays(names: Names) -> None:
    assert [names.code(f"code_{i}") for i in range(MAX_CODES)] == [f"code_{i}" for i in range(MAX_CODES)]
    assert names.code("one_too_many") == OTHER
    assert names.code("code_0") == "code_0"
