"""What a process does that serves and nothing else."""

import gc

from llm_gateway.bootstrap.serving import keep_for_good


def test_what_start_up_made_is_not_looked_through_again() -> None:
    before = gc.get_freeze_count()
    try:
        keep_for_good()
        assert gc.get_freeze_count() > before + 1_000
    finally:
        gc.unfreeze()
