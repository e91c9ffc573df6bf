"""LangChain: its own suite for chat models, by three protocols, one of them at Azure's paths too.

Tests that fetch pictures, sound and documents from the internet are left out.
"""

import os
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

URL = os.environ["DRAGOMAN_URL"]
MODEL = os.environ["DRAGOMAN_MODEL"]


class TestChat(ChatModelIntegrationTests):
    """ChatOpenAI, which speaks Chat Completions."""

    @property
    def chat_model_class(self) -> type[ChatOpenAI]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": MODEL, "base_url": f"{URL}/v1", "api_key": "key", "stream_usage": True}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "offline/echo"


class TestResponses(TestChat):
    """ChatOpenAI, which speaks Responses."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "use_responses_api": True}


class TestAzure(ChatModelIntegrationTests):
    """AzureChatOpenAI, which speaks Chat Completions and names the model in the path alone."""

    @property
    def chat_model_class(self) -> type[AzureChatOpenAI]:
        return AzureChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "azure_endpoint": URL,
            "azure_deployment": MODEL,
            "api_version": "2025-04-01-preview",
            "api_key": "key",
            "stream_usage": True,
        }

    @property
    def supports_json_mode(self) -> bool:
        return True


class TestMessages(ChatModelIntegrationTests):
    """ChatAnthropic, which speaks Messages."""

    @property
    def chat_model_class(self) -> type[ChatAnthropic]:
        return ChatAnthropic

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": MODEL, "base_url": URL, "api_key": "key"}

    @property
    def model_override_value(self) -> str:
        return "offline/echo"
