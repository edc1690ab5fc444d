"""A TCP proxy on loopback that breaks what goes through it: between the services and a store."""

import asyncio
import random
import threading

from harness.provider import free_port

CHUNK_BYTES = 65536


class FaultProxy:
    """Passes on what it gets to `target` (a port) until told otherwise; faults hold for connections that are open, too.

    pass     as if it were not there
    refuse   nobody listens; open connections were cut
    hang     connections stay and new ones are taken, but not a byte comes through
    rubbish  whatever is sent is answered with random bytes, and not passed on
    """

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.fault = "pass"
        self.delay_s = 0
        self.lost_reply = None
        self.lost_replies = 0
        self.pieces_left = None
        self.passed_bytes = 0
        self.loop = asyncio.new_event_loop()
        self.server = None
        self.writers = set()
        self.released = asyncio.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    # ---- from the test's thread

    def start(self):
        self.thread.start()
        self.do(self.listen())
        return self

    def stop(self):
        self.do(self.close())
        self.do(self.end_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def set(self, fault, delay_s=0):
        """From now on. `delay_s` is waited before each piece, in each direction."""
        self.do(self.change(fault, delay_s))

    def cut(self):
        """Ends every open connection, once."""
        self.do(self.cut_all())

    def point_to(self, target):
        """New connections go there; the open ones are cut."""
        self.target = target
        self.cut()

    def lose_replies_to(self, words):
        """What a client sends with these bytes in it (None: nothing) is passed on; the connection is cut instead of the
        reply, once that has come from the store."""
        self.lost_reply = words

    def hang_after(self, pieces):
        """Passes on so many more pieces of what clients send, and hangs at the next one; until `set`."""
        self.pieces_left = pieces

    # ---- on the proxy's own thread

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def listen(self):
        if self.server is None:
            self.server = await asyncio.start_server(self.accepted, "127.0.0.1", self.port)

    async def close(self):
        if self.server is not None:
            self.server.close()
            self.server = None
        await self.cut_all()

    async def end_tasks(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def change(self, fault, delay_s):
        assert fault in ("pass", "refuse", "hang", "rubbish"), fault
        self.fault, self.delay_s, self.pieces_left = fault, delay_s, None
        if fault == "refuse":
            await self.close()
        else:
            await self.listen()
        self.released.set()
        self.released = asyncio.Event()

    async def cut_all(self):
        for writer in list(self.writers):
            writer.transport.abort()
        self.writers.clear()

    async def accepted(self, reader, writer):
        self.writers.add(writer)
        try:
            while self.fault == "hang":
                await self.released.wait()
            if self.fault == "rubbish":  # a server that speaks first would
                writer.write(random.randbytes(64))
            await self.connect(reader, writer)
        except OSError:
            pass
        finally:
            self.writers.discard(writer)
            writer.transport.abort()

    async def connect(self, reader, writer):
        store_reader, store_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self.writers.add(store_writer)
        state = {"lose": False}
        sides = [
            asyncio.ensure_future(self.copy(reader, store_writer, writer, state, True)),
            asyncio.ensure_future(self.copy(store_reader, writer, store_writer, state, False)),
        ]
        try:
            await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for side in sides:
                side.cancel()
            self.writers.discard(store_writer)
            store_writer.transport.abort()

    async def copy(self, reader, writer, back, state, from_client):
        while piece := await reader.read(CHUNK_BYTES):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if from_client:
                self.count_piece()
            while self.fault == "hang":
                await self.released.wait()
            if self.fault == "rubbish":
                (back if from_client else writer).write(random.randbytes(len(piece)))
                continue
            if from_client and self.lost_reply is not None and self.lost_reply in piece:
                state["lose"] = True
            elif not from_client and state["lose"]:
                self.lost_replies += 1
                return
            self.passed_bytes += len(piece)
            writer.write(piece)
            await writer.drain()

    def count_piece(self):
        if self.pieces_left == 0:
            self.fault = "hang"
        elif self.pieces_left:
            self.pieces_left -= 1
