"""The four web chats among our fronts."""

import pytest

from dragoman.config import Config, FrontConfig
from dragoman.errors import ConfigurationError
from dragoman.gateway import Gateway


def test_a_front_that_does_not_exist_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"fronts\.aibm: there is no front 'aibm'; did you mean aibn"):
        Gateway(Config(fronts={"aibm": FrontConfig(password="hunter2")}))


def test_a_front_whose_model_does_not_exist_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"fronts\.aibn\.model: .*elisa.*eliza"):
        Gateway(Config(fronts={"aibn": FrontConfig(model="offline/elisa")}))
