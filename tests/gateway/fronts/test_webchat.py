"""The four web chats among our fronts."""

import pytest

from dragoman.config import Config, FrontConfig, GatewayConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway import Gateway
from tests.support.gateway import ask, running_gateway


def test_a_front_that_does_not_exist_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"fronts\.aibm: there is no front 'aibm'; did you mean aibn"):
        Gateway(Config(fronts={"aibm": FrontConfig(password="hunter2")}))


def test_a_front_whose_model_does_not_exist_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"fronts\.aibn\.model: .*elisa.*eliza"):
        Gateway(Config(fronts={"aibn": FrontConfig(model="offline/elisa")}))


@pytest.mark.parametrize("name", ["aichatonline", "cromicle"])
@pytest.mark.parametrize("key", ["secret", "password"])
def test_a_front_that_asks_for_nothing_cannot_be_told_to(name: str, key: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"fronts\.{name}\.{key}: expected none, .*gateway\.api_keys"):
        Gateway(Config(fronts={name: FrontConfig(**{key: "hunter2"})}))  # type: ignore[arg-type]  # one of two texts


@pytest.mark.parametrize("name", ["aibn", "aichatfree"])
async def test_a_key_of_the_gateway_stands_for_a_password(name: str) -> None:
    config = Config(
        gateway=GatewayConfig(port=0, api_keys=("key-one",)), fronts={name: FrontConfig(password="hunter2")}
    )
    async with running_gateway(config) as url:

        async def code(body: bytes, headers: dict[str, str]) -> str:
            return (await ask(url, "POST", f"/{name}/api/auth", headers, body)).text

        assert await code(b'{"pass": "no"}', {}) == '{"code":-1}'
        assert await code(b'{"pass": "hunter2"}', {}) == '{"code":0}'
        assert await code(b'{"pass": "no"}', {"x-api-key": "key-two"}) == '{"code":-1}'
        assert await code(b'{"pass": "no"}', {"x-api-key": "key-one"}) == '{"code":0}'


async def test_where_no_key_is_asked_none_stands_for_a_password() -> None:
    async with running_gateway(
        Config(gateway=GatewayConfig(port=0), fronts={"aibn": FrontConfig(password="p")})
    ) as url:
        got = await ask(url, "POST", "/aibn/api/auth", {"x-api-key": "key-one"}, b'{"pass": "no"}')
    assert got.text == '{"code":-1}'
