"""The metering outbox is swept."""

from tests.support import schedules
from tests.support.world import World


def test_what_stayed_behind_is_published_once(world: World) -> None:
    schedules.publishes_what_stayed_behind(world, "metering")
