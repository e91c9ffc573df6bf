"""A model that calls Python functions until it has its answer: `python agent.py`."""

from dragoman import SyncClient


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


with SyncClient() as client:
    run = client.run("offline/eliza", "What is the weather in 'Rome'? Use get_weather.", tools=[get_weather])
    print(run.response().text)
