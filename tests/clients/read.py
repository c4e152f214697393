"""Prints what httpx-sse gives, a JSON line each, until the input ends.

It reads one response; the reconnection is its users' part, done here as its README shows it.
"""

import asyncio
import json
import sys

import httpx
from httpx_sse import aconnect_sse


def say(**line):
    print(json.dumps(line), flush=True)


async def read(client, url):
    last_event_id, retry = "", 3000
    while True:
        say(state="connecting")
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        try:
            async with aconnect_sse(client, "GET", url, headers=headers) as source:
                source.response.raise_for_status()
                say(state="open")
                async for event in source.aiter_sse():
                    last_event_id = event.id
                    retry = event.retry if event.retry is not None else retry
                    # It makes an event of each block, also of one that only carries an id. An event
                    # whose data is empty looks just so.
                    if event.data:
                        say(type=event.event, data=event.data, id=event.id)
        except httpx.TransportError:
            pass
        await asyncio.sleep(retry / 1000)


async def main(url):
    # A stream is silent for as long as it likes.
    timeout = httpx.Timeout(10, read=None)
    async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
        reading = asyncio.create_task(read(client, url))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        reading.cancel()
        await asyncio.wait([reading])
    say(state="closed")


asyncio.run(main(sys.argv[1]))
