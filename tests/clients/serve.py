"""A server of sse-starlette that counts from the id behind which it is asked for, three events a
response, and has nothing more to say after twelve. Prints its port, and ends with its input.
"""

import json
import os
import socket
import sys
import threading

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


async def count(last):
    yield ServerSentEvent(comment="here they come", retry=300)
    for number in range(last + 1, last + 4):
        data = json.dumps({"number": number, "text": "ü"}, ensure_ascii=False, indent=1)
        yield ServerSentEvent(data, event="count", id=str(number))


async def events(request):
    last = int(request.headers.get("last-event-id", 0))
    return Response(status_code=204) if last >= 12 else EventSourceResponse(count(last))


def end_with_input():
    sys.stdin.read()
    os._exit(0)


listener = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
threading.Thread(target=end_with_input, daemon=True).start()
application = Starlette(routes=[Route("/", events)])
uvicorn.Server(uvicorn.Config(application, log_level="warning")).run([listener])
