"""500 prompts, 20 at a time, with a bar on a terminal: `python many_prompts.py`."""

import asyncio

from dragoman import Client

PROMPTS = [f"text: answer {number}" if number % 50 else "error: 503 busy" for number in range(500)]


async def main() -> None:
    async with Client() as client:
        results = await client.map("offline/script", PROMPTS, concurrency=20, retries=0)
    print(sum(result.reply is not None for result in results), "answers;", results[0].error)


asyncio.run(main())
