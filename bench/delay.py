"""A proxy that lets every byte wait, so that a server on this machine seems far away: `python bench/delay.py MS SOCKET`.

It listens on a free port of 127.0.0.1, prints it, and passes connections on to the server's socket. Half of the added
round trip is spent on the way there and half on the way back; what follows closely travels together, as on a real line. At SIGUSR1 it prints how
many connections there were at once since the last time: one counts until its client closes it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable


async def carry(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    seconds: float,
    ended: Callable[[], None] = lambda: None,
) -> None:
    """Passes on what comes, each piece so much later, in order and without holding up the next."""
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

    async def read() -> None:
        while piece := await source.read(65536):
            pieces.put_nowait((loop.time() + seconds, piece))
        ended()
        pieces.put_nowait((loop.time() + seconds, b""))

    reading = asyncio.create_task(read())
    try:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not piece:
                break
            target.write(piece)
            await target.drain()
    except (ConnectionError, asyncio.CancelledError):
        reading.cancel()
    finally:
        target.close()


async def main(milliseconds: float, socket: str) -> None:
    now = most = 0

    async def count() -> None:
        """A little later: what was closed before this connection began may not have been read yet."""
        nonlocal most
        await asyncio.sleep(0.005)
        most = max(most, now)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now
        now += 1
        counting = asyncio.create_task(count())
        server_reader, server_writer = await asyncio.open_unix_connection(socket)
        half = milliseconds / 2000

        def closed() -> None:
            nonlocal now
            now -= 1

        await asyncio.gather(carry(reader, server_writer, half, closed), carry(server_reader, writer, half), counting)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)

    def tell() -> None:
        nonlocal most
        print(most, flush=True)
        most = now

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), sys.argv[2]))
