from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragfactory.fleet.work import Backlog, Batch, Item, after_failure, after_out_of_memory


def item(n: int, weight: int = 10) -> Item:
    return Item(str(n), weight, b"")


def batch(count: int) -> Batch:
    return Batch(tuple(item(n) for n in range(count)))


def drained(weights: list[int], devices: int, limit: int) -> list[Batch]:
    names = [f"gpu{n}" for n in range(devices)]
    backlog = Backlog([item(n, weight) for n, weight in enumerate(weights)])
    batches = []
    while taken := backlog.take(names[len(batches) % devices], names, share=1 / devices, limit=limit):
        batches.append(taken)
    return batches


@given(st.lists(st.integers(0, 9000), max_size=200), st.integers(1, 8), st.integers(1, 8192))
def test_every_item_goes_out_once_longest_first(weights: list[int], devices: int, limit: int) -> None:
    batches = drained(weights, devices, limit)
    given_out = [one for each in batches for one in each.items]
    assert sorted(int(one.key) for one in given_out) == list(range(len(weights)))
    longest = [max(one.weight for one in each.items) for each in batches]
    assert longest == sorted(longest, reverse=True)
    assert all(each.padded <= limit or each.is_lone for each in batches if max(o.weight for o in each.items) > 0)


def test_batches_shrink_towards_the_end() -> None:
    sizes = [each.tokens for each in drained([100] * 400, devices=8, limit=8192)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= 40000 / 8
    assert sizes[-1] <= 512


def test_a_document_of_a_few_chunks_goes_to_all_devices() -> None:
    assert len(drained([300] * 8, devices=8, limit=8192)) == 8


def in_groups(*sizes: int, once: int = 0) -> list[Item]:
    return [
        Item(f"{group}.{n}", 10, b"", group=f"document {group}", once=once)
        for group, size in enumerate(sizes)
        for n in range(size)
    ]


def test_a_group_stays_with_a_device_as_long_as_there_are_others() -> None:
    backlog = Backlog(in_groups(20, 20))
    taken = [backlog.take(name, ["gpu0", "gpu1"], share=0.5, limit=100) for name in ("gpu0", "gpu1", "gpu0", "gpu1")]
    assert [{one.group for one in each.items} for each in taken if each] == [{"document 0"}, {"document 1"}] * 2
    backlog = Backlog(in_groups(20))
    taken = [backlog.take(name, ["gpu0", "gpu1"], share=0.5, limit=100) for name in ("gpu0", "gpu1")]
    assert all(taken), "one document is work for all"


def test_small_groups_share_a_batch_and_are_whole_in_it() -> None:
    backlog = Backlog(in_groups(*[3] * 40, once=5))
    taken = backlog.take("gpu0", ["gpu0"], share=1, limit=300)
    assert taken is not None
    groups = [one.group for one in taken.items]
    assert groups == sorted(groups, key=groups.index), "items of a group follow each other"
    counts = Counter(groups)
    assert len(counts) == 9, "what is read once counts too, but for the first"
    assert taken.read == taken.tokens + 5 * len(counts)
    assert sorted(counts.values())[1:] == [3] * 8


def test_a_device_gets_what_its_speed_is_worth() -> None:
    names = ["fast", "slow"]
    backlog = Backlog([item(n, 100) for n in range(100)])
    fast = backlog.take("fast", names, share=0.9, limit=8192)
    slow = backlog.take("slow", names, share=0.1, limit=8192)
    assert fast is not None
    assert slow is not None
    assert fast.tokens == 4500
    assert slow.tokens == 500


def test_a_batch_that_ends_two_workers_is_halved_until_one_item_is_left() -> None:
    (again,) = after_failure(batch(4), "gpu0", deadly=True)
    halves = after_failure(again, "gpu1", deadly=True)
    assert [len(half.items) for half in halves] == [2, 2]
    quarters = after_failure(halves[0], "gpu0", deadly=True)
    assert [len(quarter.items) for quarter in quarters] == [1, 1]
    (last,) = after_failure(quarters[0], "gpu0", deadly=True)
    assert after_failure(last, "gpu1", deadly=True) == ()


@pytest.mark.parametrize(("deadly", "chances"), [(True, 3), (False, 2)])
def test_one_item_alone_is_not_blamed_at_once(deadly: bool, chances: int) -> None:
    work = batch(1)
    for n in range(chances - 1):
        (work,) = after_failure(work, f"gpu{n}", deadly=deadly)
    assert after_failure(work, "gpu9", deadly=deadly) == ()


def test_work_goes_where_it_has_not_failed_while_there_is_such_a_device() -> None:
    backlog = Backlog(())
    (again,) = after_failure(batch(4), "gpu0", deadly=True)
    backlog.give_back(again)
    assert backlog.take("gpu0", ["gpu0", "gpu1"], share=0.5, limit=100) is None
    assert backlog.take("gpu0", ["gpu0"], share=1, limit=100) == again
    backlog.give_back(again)
    assert backlog.take("gpu1", ["gpu0", "gpu1"], share=0.5, limit=100) == again


def test_one_item_whose_worker_was_ended_once_is_not_left_to_the_cpu() -> None:
    backlog = Backlog(())
    (again,) = after_failure(batch(1), "gpu0", deadly=True)
    backlog.give_back(again)
    assert backlog.take_stranded(["gpu0"]) is None
    assert backlog.take("gpu0", ["gpu0"], share=1, limit=100) == again
    (third,) = after_failure(again, "gpu0", deadly=True)
    backlog.give_back(third)
    assert backlog.take("gpu0", ["gpu0"], share=1, limit=100) is None
    assert backlog.take_stranded(["gpu0"]) == third


def test_one_item_that_went_wrong_on_every_card_waits_for_the_cpu() -> None:
    backlog = Backlog(())
    (cramped,) = after_out_of_memory(batch(1), "gpu0")
    backlog.give_back(cramped)
    assert backlog.take("gpu0", ["gpu0"], share=1, limit=100) is None
    assert backlog.take_stranded(["gpu0", "gpu1"]) is None
    assert backlog.take_stranded([]) is None, "the cards may only be resting"
    assert backlog.take_stranded(["gpu0"]) == cramped
    assert after_out_of_memory(cramped, "cpu") == ()


def test_one_item_is_not_tried_on_a_third_card_that_may_be_too_small() -> None:
    (once,) = after_out_of_memory(batch(1), "gpu0")
    (twice,) = after_out_of_memory(once, "gpu1")
    backlog = Backlog(())
    backlog.give_back(twice)
    assert backlog.take("gpu2", ["gpu2"], share=1, limit=100) is None
    assert backlog.take_stranded(["gpu2"]) == twice
