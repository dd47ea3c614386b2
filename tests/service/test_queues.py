"""Queues of requests: batches, errors, cancelling, being busy and threads that hang."""

import threading
import time

import pytest

from dlnlp.inference.deadline import Cancelled, DeadlineExceeded, check_deadline
from dlnlp.service import queues
from dlnlp.service.queues import Busy, Job, JobQueue, Slot


class Recorder:
    """Doubles items, remembers the batches, and waits while it is held."""

    def __init__(self):
        self.batches, self.free = [], threading.Event()
        self.free.set()

    def __call__(self, items):
        assert self.free.wait(10)
        self.batches.append(list(items))
        if "bad" in items:
            raise ValueError("bad item")
        return [item * 2 for item in items]


@pytest.fixture
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.free.set()


@pytest.fixture
def held(recorder):
    """A queue with a first job that runs until ``recorder.free`` is set."""
    queue = JobQueue("test")
    recorder.free.clear()
    queue.submit(Job(recorder, [0], 10))
    while len(queue):
        time.sleep(0.001)
    return queue


def job(run, *items, group="same", share=0.001, seconds=10):
    return Job(run, list(items), seconds, group, share)


def healed(queue, stuck):
    """Heal a queue until it gives up a job, at most ten seconds."""
    end = time.monotonic() + 10
    while not stuck.future.done():
        assert time.monotonic() < end
        queue.heal()
        time.sleep(0.01)


def test_jobs_that_wait_run_as_one_batch_and_get_their_own_results(held, recorder):
    jobs = [held.submit(job(recorder, *items)) for items in ([1], [2, 3], [], [4])]
    other = held.submit(job(recorder, 5, group="other"))
    recorder.free.set()
    found = [each.future.result(10) for each in [*jobs, other]]
    assert found == [[2], [4, 6], [], [8], [10]]
    assert recorder.batches == [[0], [1, 2, 3, 4], [5]]


def test_a_model_with_replicas_runs_as_many_jobs_at_the_same_time():
    queue, together = JobQueue("test", replicas=2), threading.Barrier(2)

    def meet(items):
        together.wait(10)  # fails unless two jobs run
        return items

    jobs = [queue.submit(job(meet, number, group=number)) for number in range(4)]
    assert [each.future.result(10) for each in jobs] == [[0], [1], [2], [3]]


def test_giving_up_one_thread_leaves_the_other_jobs_alone(monkeypatch):
    monkeypatch.setattr(queues, "GRACE", 0.0)
    queue, free = JobQueue("test", replicas=2), threading.Event()

    def wait(items):
        assert free.wait(10)
        return items

    stuck, other = (queue.submit(job(wait, n, group=n, seconds=n)) for n in (0.05, 20))
    healed(queue, stuck)
    with pytest.raises(DeadlineExceeded):
        stuck.future.result(1)
    later = queue.submit(job(list, 3))
    assert later.future.result(10) == [3]
    free.set()
    assert other.future.result(10) == [20]


def test_a_lone_job_does_not_wait(recorder):
    queue = JobQueue("test")
    begin = time.perf_counter()
    assert queue.submit(job(recorder, 1)).future.result(10) == [2]
    assert time.perf_counter() - begin < 0.5


def test_a_batch_has_a_limit_and_large_jobs_run_alone(held, recorder):
    jobs = [held.submit(job(recorder, n, share=0.6 * queues.BATCH_SHARE)) for n in (1, 2)]
    jobs += [held.submit(job(recorder, n, group=None)) for n in (3, 4)]
    recorder.free.set()
    assert [each.future.result(10) for each in jobs] == [[2], [4], [6], [8]]
    assert recorder.batches == [[0], [1], [2], [3], [4]]


def test_each_job_of_a_batch_has_its_own_error(held, recorder):
    jobs = [held.submit(job(recorder, item)) for item in (1, "bad", 2)]
    recorder.free.set()
    assert jobs[0].future.result(10) == [2] and jobs[2].future.result(10) == [4]
    with pytest.raises(ValueError, match="bad item"):
        jobs[1].future.result(10)


def test_a_cancelled_job_that_waits_never_runs(held, recorder):
    first, second = (held.submit(job(recorder, n)) for n in (1, 2))
    first.cancel()
    recorder.free.set()
    assert second.future.result(10) == [4]
    assert recorder.batches == [[0], [2]]


def test_cancelled_jobs_take_no_place(held, monkeypatch):
    monkeypatch.setattr(queues, "MOST_WAITING", 2)
    for _ in range(5):
        held.submit(job(list, 1)).cancel()
    assert len(held) == 0
    for _ in range(2):
        held.submit(job(list, 1))
    with pytest.raises(Busy):
        held.submit(job(list, 1))


def until_cancelled(items):
    while True:
        check_deadline()
        time.sleep(0.005)


def test_a_cancelled_job_that_runs_ends_at_its_next_check():
    queue = JobQueue("test")
    running = queue.submit(job(until_cancelled, 1))
    time.sleep(0.05)
    running.cancel()
    with pytest.raises(Cancelled):
        running.future.result(1)


def test_a_full_queue_says_when_to_try_again(held, recorder, monkeypatch):
    monkeypatch.setattr(queues, "MOST_WAITING", 2)
    held.submit(job(recorder, 1))
    held.submit(job(recorder, 2))
    with pytest.raises(Busy, match=r"try again in about \d+ s") as caught:
        held.submit(job(recorder, 3))
    assert caught.value.seconds >= 1


def test_a_queue_with_a_long_wait_is_full(monkeypatch):
    monkeypatch.setattr(queues, "LONGEST_WAIT", 0.01)
    queue = JobQueue("test")
    queue.submit(Job(lambda items: time.sleep(0.5) or items, [1], 10)).future.result(10)
    release = threading.Event()
    with pytest.raises(Busy):
        for _ in range(5):  # one that runs, and others that wait
            queue.submit(Job(lambda items: release.wait(10) and items, [1], 10))
            time.sleep(0.05)
    release.set()


def test_a_thread_that_ignores_its_limit_is_replaced(monkeypatch):
    monkeypatch.setattr(queues, "GRACE", 0.05)
    queue, release = JobQueue("test"), threading.Event()
    stuck = queue.submit(Job(lambda items: release.wait(10) and items, [1], 0.05))
    waiting = queue.submit(Job(lambda items: items, [2], 10))
    healed(queue, stuck)
    with pytest.raises(DeadlineExceeded, match="given up"):
        stuck.future.result(1)
    assert waiting.future.result(1) == [2]
    release.set()
    assert queue.submit(Job(lambda items: items, [3], 10)).future.result(1) == [3]


def test_after_a_thread_was_replaced_jobs_still_run_one_at_a_time(monkeypatch):
    monkeypatch.setattr(queues, "GRACE", 0.05)
    queue, release, active, most = JobQueue("test"), threading.Event(), [], []

    def run(items):
        active.append(1)
        most.append(len(active))
        time.sleep(0.02)
        active.pop()
        return items

    queue.submit(Job(lambda items: release.wait(10) and items, [0], 0.05))
    jobs = [queue.submit(Job(run, [n], 10)) for n in range(10)]
    time.sleep(0.2)
    queue.heal()
    release.set()  # the old thread goes on
    assert [each.future.result(10) for each in jobs] == [[n] for n in range(10)]
    assert max(most) == 1


def test_a_closed_queue_says_that_the_server_is_stopping(held, recorder):
    waiting = held.submit(job(recorder, 1))
    held.close()
    for fails in (waiting.future.result, lambda: held.submit(job(recorder, 2))):
        with pytest.raises(Cancelled, match="stopping"):
            fails()


def test_a_slot_admits_one_at_a_time_and_a_few_wait(monkeypatch):
    monkeypatch.setattr(queues, "MOST_STREAMS", 1)
    slot, entered, leave = Slot(), [], threading.Event()

    def hold(name):
        with slot.taken(1):
            entered.append(name)
            leave.wait(10)

    threads = [threading.Thread(target=hold, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    assert entered == [0]
    with pytest.raises(Busy), slot.taken(1):
        pass
    leave.set()
    for thread in threads:
        thread.join(10)
    assert entered == [0, 1]
