"""One card at a time: the first that may work, for as long as it may."""

from __future__ import annotations

from ragfactory.fleet.alone import Alone
from tests.fleet.fleets import Told


def able(alone: Alone) -> list[str]:
    return [verdict.device.name for verdict in alone.judge() if verdict.eligible]


def test_the_first_card_works_until_it_may_not() -> None:
    told = Told(3)
    alone = Alone(told)
    assert able(alone) == ["gpu0"]
    assert [verdict.reason for verdict in alone.judge()] == [
        "cool",
        "gpu0 works alone",
        "gpu0 works alone",
        "the last resort",
    ]
    told.verdicts.insert(0, told.verdicts.pop(1))  # another is cooler by now
    assert able(alone) == ["gpu0"], "its model is loaded there"
    told.say("gpu0", eligible=False)
    assert able(alone) == ["gpu1"]
    told.say("gpu0", eligible=True)
    assert able(alone) == ["gpu1"]


def test_where_none_may_work_each_says_why_itself() -> None:
    told = Told(2)
    alone = Alone(told)
    for name in ("gpu0", "gpu1"):
        told.say(name, eligible=False, reason="80 °C")
    assert [verdict.reason for verdict in alone.judge()] == ["80 °C", "80 °C", "the last resort"]
    told.say("gpu1", eligible=True)
    assert able(alone) == ["gpu1"]


def test_after_a_loss_no_card_works_until_the_work_is_done() -> None:
    told = Told(2)
    alone = Alone(told)
    (gpu0,) = (verdict.device for verdict in alone.judge() if verdict.eligible)
    alone.lose()
    assert able(alone) == ["gpu0"], "it had nothing to do"
    alone.note(gpu0, None, working=True)
    alone.lose()
    assert able(alone) == []
    alone.note(gpu0, None, working=False)
    assert able(alone) == ["gpu0"]


def test_the_cpu_alone_is_left_as_it_is() -> None:
    assert able(Alone(Told(0))) == ["cpu"]
