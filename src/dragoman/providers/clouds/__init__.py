"""Services of clouds: known protocols at the address of a user's resource, region or project."""

from dragoman.providers.clouds.azure import Azure, AzureAnthropic, AzureResponses
from dragoman.providers.clouds.bedrock import Bedrock, BedrockAnthropic, BedrockResponses
from dragoman.providers.clouds.vertex import Vertex, VertexAnthropic, VertexOpenAI

__all__ = [
    "Azure",
    "AzureAnthropic",
    "AzureResponses",
    "Bedrock",
    "BedrockAnthropic",
    "BedrockResponses",
    "Vertex",
    "VertexAnthropic",
    "VertexOpenAI",
]
