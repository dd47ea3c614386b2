"""Trainings: at most two at once, each visitor's own, and none that nobody waits for."""

import time
import zipfile

import pytest

import dlnlp
from dlnlp.registry import Registry
from dlnlp.service import Service, trained, training
from dlnlp.service.queues import Busy
from dlnlp.service.training import MOST_RUNNING, MOST_WAITING
from dlnlp.service.training_run import ENDED, FAILED, PAUSED, RUNNING
from dlnlp.training.exercises import exercise
from dlnlp.training.progress import FINISHED, Settings

EXERCISE = exercise("char_seq2seq")
ROWS = EXERCISE.checked(EXERCISE.examples)
QUICK = Settings(epochs=2, width=16)
LONG = Settings(epochs=1000, width=16)


@pytest.fixture
def service():
    service = Service(Registry(untrained=True))
    yield service
    service.close()


def begin(service, visitor, settings=LONG, slow=True):
    return service.trainings.begin(visitor, EXERCISE.stem, ROWS, settings, "hello", slow)


def until(condition, seconds=30.0):
    """Wait for a condition; returns the seconds that it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.01)
    return time.monotonic() - started


def test_two_run_at_once_and_the_others_know_their_place(service):
    trainings = service.trainings
    first, second, third, fourth = (begin(service, name) for name in "abcd")
    assert [trainings.place(each) for each in (first, second, third, fourth)] == [0, 0, 1, 2]
    for name in range(MOST_WAITING - 2):
        begin(service, f"more {name}")
    with pytest.raises(Busy):
        begin(service, "too many")
    with pytest.raises(ValueError, match="has not ended"):
        begin(service, "a")
    until(lambda: first.state == second.state == RUNNING)
    assert trainings.running() == MOST_RUNNING

    trainings.leave(third)  # one that waits
    assert trainings.place(fourth) == 1
    trainings.depart("a")  # one that runs: its visitor has closed the page
    assert until(lambda: not trainings.place(fourth)) < 3
    assert first.state == FAILED and trainings.desk("a").current is None
    assert trainings.running() == MOST_RUNNING


def test_visitors_who_only_look_push_out_nobody(service, monkeypatch):
    monkeypatch.setattr(training, "MOST_VISITORS", 2)
    first = begin(service, "a")
    for name in range(10):
        assert service.trainings.desk(f"looks {name}").current is None
    begin(service, "b")
    assert service.trainings.desk("a").current is first and not first.is_over
    begin(service, "c")
    assert service.trainings.desk("b").current is None


def test_a_process_that_cannot_start_takes_no_place(service, monkeypatch):
    def refuse():
        raise OSError("too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(training, "new_process", refuse)
        for name in range(MOST_RUNNING + 1):
            failed = begin(service, f"fails {name}")
            assert failed.state == FAILED and "can't start" in failed.error
    assert service.trainings.running() == 0
    run = begin(service, "a", QUICK, slow=False)
    until(lambda: run.is_over)
    assert run.state == ENDED


def test_pausing_stepping_and_stopping(service):
    training = begin(service, "a")
    training.command("pause")  # nothing runs yet
    until(lambda: training.state == RUNNING)
    until(lambda: training.losses)
    training.command("pause")
    time.sleep(0.7)
    count = len(training.losses)
    training.command("step")
    until(lambda: len(training.losses) > count)
    time.sleep(0.3)
    assert len(training.losses) == count + 1 and training.state == PAUSED
    training.command("stop")
    until(lambda: training.is_over, 10)
    assert training.state == ENDED and len(training.losses) == count + 1
    assert training.progress.end == "stopped" and training.progress.answer


def test_a_finished_run_is_used_downloaded_and_removed(service, tmp_path):
    trainings = service.trainings
    training = begin(service, "a", QUICK, slow=False)
    for _ in training.changes(1.0):
        pass
    assert training.state == ENDED and training.progress.end == FINISHED
    assert len(training.losses) == training.progress.step == 2
    [found] = trained.call(service, training.key, "translate", texts=["hello"])
    with pytest.raises(ValueError, match="does not have the verb"):
        trained.call(service, training.key, "classify", texts=["hello"])
    with zipfile.ZipFile(trainings.archive(training.key)) as archive:
        archive.extractall(tmp_path)
    [same] = dlnlp.load(str(tmp_path / EXERCISE.stem), "cpu").translate(["hello"])
    assert same.text == found.text

    trainings.desk("a").used[EXERCISE.stem] = training.key
    second = begin(service, "a", QUICK, slow=False)
    assert trainings.desk("a").previous is training and trainings.desk("b").current is None
    for _ in second.changes(1.0):
        pass
    third = begin(service, "a")
    assert trainings.finished(training.key) and trainings.desk("a").previous is second
    trainings.depart("a")
    for key in (training.key, second.key, third.key):
        with pytest.raises(ValueError, match="no longer on the server"):
            trainings.finished(key)
    assert not training.folder.exists() and not second.folder.exists()


def test_closing_ends_all_and_removes_all_files(service):
    training = begin(service, "a")
    until(lambda: training.state == RUNNING)
    root = training.folder.parent.parent
    assert root.is_dir()
    service.close()
    until(lambda: not service.trainings.running(), 5)
    assert training.state == FAILED and not root.exists()
    with pytest.raises(Busy):
        begin(service, "b")
