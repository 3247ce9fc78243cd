"""How much a model may be told to think."""

from collections.abc import Iterator

from .call import Call, Objection


def thinking(call: Call) -> Iterator[Objection]:
    asked, model = call.config.get("thinkingConfig"), call.model
    if asked is None:
        return
    if not model.levels and not model.budgets:
        yield Objection("G2", "Thinking is not enabled for this model.")
    level, budget = asked.get("thinkingLevel"), asked.get("thinkingBudget")
    if level is not None and budget is not None:
        yield Objection("G2", "You can only set only one of thinking budget and thinking level.")
    if level is not None and level.upper() not in model.levels:
        rule = "G1" if model.levels else "G2"
        yield Objection(
            rule, f"Thinking level {level.upper()} is not supported for this model. Please retry with other level."
        )
    if budget == 0 and model.budgets and budget not in model.budgets:
        yield Objection("G3", "Budget 0 is invalid. This model only works in thinking mode.")
    elif budget is not None and budget not in model.budgets:
        yield Objection("G2", f"The thinking budget {budget} is invalid for this model.")


def soft(call: Call) -> Iterator[str]:
    """A budget of 0 is taken by some that think all the same."""
    if not call.model.off and call.config.get("thinkingConfig", {}).get("thinkingBudget") == 0:
        yield "generationConfig.thinkingConfig.thinkingBudget"
