"""How a replay brings itself from step to step."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event


class ReplayScheduled(Event, type="sync.replay.scheduled", version=1):
    """A replay's next batch of stored events is to be applied again."""

    replay_id: str
    step: Annotated[int, Field(ge=0, description="How many steps were done before; another number is of the past.")]
