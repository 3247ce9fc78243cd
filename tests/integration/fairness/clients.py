"""A process of its own: so many clients of one key, each asking again as soon as it is answered, or may ask again.

`python -m … PORT KEY CLIENTS SECONDS` prints a line once each had an answer, and then what they saw, as JSON.
"""

import asyncio
import json
import sys
import time

PROMPT = "Say hello, number {} of {}."


class Seen:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.statuses: dict[int, int] = {}
        self.first = 0


async def ask_on(port: int, key: str, number: int, clients: int, ends: float, seen: Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
    count = 0
    while time.monotonic() < ends:
        count += 1
        message = {"role": "user", "content": PROMPT.format(count, number)}
        body = json.dumps({"model_hint": "local", "cache": {"mode": "bypass"}, "messages": [message]})
        began = time.perf_counter()
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = dict(line.lower().split(": ", 1) for line in answer.split("\r\n")[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        if count == 1:
            seen.first += 1
            if seen.first == clients:
                print("going", flush=True)
        status = int(answer.split(" ")[1])
        seen.statuses[status] = seen.statuses.get(status, 0) + 1
        if status == 200:
            seen.seconds.append(time.perf_counter() - began)
        else:
            await asyncio.sleep(float(fields["retry-after"]))
    writer.close()


async def main(port: int, key: str, clients: int, seconds: float) -> None:
    seen = Seen()
    ends = time.monotonic() + seconds
    async with asyncio.TaskGroup() as asking:
        for number in range(clients):
            asking.create_task(ask_on(port, key, number, clients, ends, seen))
    print(json.dumps({"seconds": seen.seconds, "statuses": seen.statuses}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
