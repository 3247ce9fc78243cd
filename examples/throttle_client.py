"""Quotas alone: a program that does its own work, and lets each of its clients have so much of it."""

import asyncio

from llm_gateway import (
    Bucket,
    ChatRequest,
    Client,
    ClientId,
    Endpoint,
    EndpointId,
    EndpointState,
    Locality,
    MemoryRateLimiter,
    Quota,
    QuotaExceeded,
    SystemClock,
    SystemEntropy,
    ThrottleClient,
    UserMessage,
)

WORK = EndpointState(
    endpoint=Endpoint(id=EndpointId(provider="mine", model="model-1"), locality=Locality.ON_PREMISES),
    features=frozenset(),
)


async def main() -> None:
    clock = SystemClock()
    throttle = ThrottleClient(MemoryRateLimiter(clock), clock, SystemEntropy())
    guest = Client(id=ClientId("guest"), namespace="guest", quota=Quota(requests=Bucket.of(2, 1 / 3600), concurrency=1))
    question = ChatRequest(messages=(UserMessage(content="Say hello"),))

    for number in (1, 2, 3):
        try:
            decision = await throttle.admit(guest)
        except QuotaExceeded as error:
            print(f"request {number}: refused, {round(error.decision.retry_after_ms / 60_000)} min to wait")
        else:
            print(f"request {number}: admitted, {decision.requests.remaining if decision.requests else 'any'} left")

    async with throttle.reserve(guest, question, WORK):  # the work is done in here
        try:
            async with throttle.reserve(guest, question, WORK):
                print("two at once")
        except QuotaExceeded:
            print("one at a time")


if __name__ == "__main__":
    asyncio.run(main())
