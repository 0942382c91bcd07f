"""The bare echo: an ASGI application that answers with the bytes of the body, joined once. What uvicorn allows at most.

`python -m benchmarks.peers.echo` serves it on a free port.
"""

from __future__ import annotations

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from benchmarks.peers.serving import serve


async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answers any request with its own body."""
    assert scope["type"] == "http"
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        chunks.append(message["body"])
        if not message["more_body"]:
            break
    body = b"".join(chunks)
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})


if __name__ == "__main__":
    serve(app)
