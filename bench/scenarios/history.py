"""What a send costs when the log is long."""

from bench.load import World


async def long_history(world: World) -> dict[str, float]:
    """CPU of a send with millions of events stored, against the same with ten thousand."""
    world.say("not yet: it needs a seeder")
    return {}
