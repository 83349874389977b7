"""The courier is struck while it tells an endpoint, whatever that answers."""

from dataclasses import replace

from tests.crash.file import Outlet
from tests.crash.scenario import Scenario, Start, sign_ups, some
from tests.crash.stage import Stage
from tests.receiver import Reply


async def _goes_away(stage: Stage) -> None:
    stage.receiver.always = Reply(410, taken=False)


async def _comes_back(stage: Stage) -> None:
    stage.receiver.always = Reply()
    await stage.ask("webhooks", "enable", "crm")


async def _never_works(stage: Stage) -> None:
    stage.receiver.always = Reply(500, taken=False)


COURIER = Scenario("", "courier webhook", sign_ups(3), Start.QUEUED, in_order=False, outlet=Outlet.WEBHOOK)
SCENARIOS = (
    replace(COURIER, name="courier: several at once", facts=sign_ups(6), actions=("kill", "stop")),
    replace(COURIER, name="courier: more comes meanwhile", later=sign_ups(3, 3), actions=("kill", "stop")),
    replace(COURIER, name="courier: in order", facts=some("tick", 3), replies=[Reply(500, taken=False)], in_order=True),
    replace(COURIER, name="courier: the answer is lost", replies=[Reply(drop=True), Reply(503)]),
    replace(
        COURIER,
        name="courier: a pause is asked for",
        replies=[Reply(429, {"Retry-After": "1"}, taken=False), Reply(500, taken=False)],
    ),
    replace(COURIER, name="courier: gone, and switched on again", begin=_goes_away, heal=_comes_back),
    replace(
        COURIER,
        name="courier: it never works",
        facts=sign_ups(2),
        settings={"TELLONCE_WEBHOOK_SCHEDULE": "0.1s,0.1s", "TELLONCE_COURIER_REST": "0.05"},
        begin=_never_works,
        ends={fact.key: "dead" for fact in sign_ups(2)},
    ),
)
