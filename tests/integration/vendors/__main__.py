"""`just vendors`: whether the real vendors still are as the data files say."""

import asyncio
import os
import sys

from llm_gateway.adapters.outbound.system import SystemClock

from .asking import ask_vendors

sys.exit(not asyncio.run(ask_vendors(os.environ, print, SystemClock())))
