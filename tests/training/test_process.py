"""The process of a training: obeys between two steps, within its limits, and never outlives us."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict

import pytest

from dlnlp import checkpoint
from dlnlp.training.exercises import exercise
from dlnlp.training.process import LONGEST_PAUSE, NICENESS, Control, run
from dlnlp.training.progress import FINISHED, STOPPED, TIMED_OUT
from tests.test_app import ROOT

TRANSLATOR = exercise("char_seq2seq")
COMMAND = [sys.executable, "-m", "dlnlp.training.process"]


def job(out, **changes):
    return {
        "stem": TRANSLATOR.stem,
        "rows": TRANSLATOR.examples,
        "settings": {**asdict(TRANSLATOR.settings), "width": 16},
        "sentence": "hello",
        "base": None,
        "out": str(out),
        "slow": False,
        "megabytes": 2000,
        **changes,
    }


class Process:
    """A process and what it reports."""

    def __init__(self, job):
        self.process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.messages = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._write(job)

    def _read(self):
        for line in self.process.stdout:
            self.messages.put(json.loads(line))

    def _write(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def tell(self, name, value=None):
        self._write({"do": name, "value": value})

    def next(self, wanted=lambda progress: True):
        """The next report that is wanted."""
        while True:
            message = self.messages.get(timeout=60)
            assert "error" not in message, message
            if wanted(message["progress"]):
                return message["progress"]

    def waits(self, seconds=0.7):
        with pytest.raises(queue.Empty):
            self.messages.get(timeout=seconds)


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(**changes):
        started.append(Process(job(tmp_path / "out", **changes)))
        return started[-1]

    yield begin
    for each in started:
        each.process.kill()
        each.process.wait()


def test_commands_are_obeyed_between_two_steps(start, tmp_path):
    run = start(slow=True)
    began = run.next(lambda progress: progress["step"] >= 1)
    assert began["answer"] and began["sentence"] == "hello"
    niceness = os.getpriority(os.PRIO_PROCESS, run.process.pid)
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)

    run.tell("pause")
    paused = run.next(lambda progress: progress["step"] > began["step"] or True)
    while not run.messages.empty():
        paused = run.next()
    run.waits()
    run.tell("step")
    assert run.next()["step"] == paused["step"] + 1
    run.waits()
    run.tell("ask", "thanks")
    asked = run.next()
    assert (asked["sentence"], asked["step"]) == ("thanks", paused["step"] + 1) and asked["answer"]
    run.tell("histogram", True)
    assert run.next()["histograms"]
    run.tell("histogram", False)
    run.next()

    run.tell("resume")
    moving = run.next(lambda progress: progress["step"] > paused["step"] + 1)
    run.tell("stop")
    end = run.next(lambda progress: progress["end"])
    assert end["end"] == STOPPED and end["step"] <= moving["step"] + 1
    assert run.process.wait(10) == 0
    assert checkpoint.verify(tmp_path / "out")["steps"] == end["step"]


def test_a_run_at_full_speed_reports_every_loss_once(start):
    run, losses = start(), 0
    while not (progress := run.next())["end"]:
        losses += len(progress["losses"])
    losses += len(progress["losses"])
    assert progress["end"] == FINISHED and losses == progress["step"] == progress["steps"]


def test_it_dies_with_its_parent_and_removes_its_files(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({COMMAND!r}, stdin=subprocess.PIPE, text=True)\n"
        "child.stdin.write(sys.argv[1] + '\\n'); child.stdin.flush()\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    (tmp_path / "out").mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(job(tmp_path / "out", slow=True))],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    child = int(parent.stdout.readline())
    while parent.stdout.readline()[:2] != '{"':  # the child's first report: it is training
        pass
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(300):
        if not alive(child):
            break
        time.sleep(0.01)
    assert not alive(child) and not (tmp_path / "out").exists()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"  # a zombie waits for init
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no bound on the memory")
def test_too_little_memory_is_one_sentence(start):
    run = start(megabytes=1)
    message = run.messages.get(timeout=60)
    assert "needs more than 1 MB of memory" in message["error"]
    assert run.process.wait(10) == 0


def test_a_faulty_job_is_one_sentence(start):
    run = start(settings={**asdict(TRANSLATOR.settings), "epochs": 0})
    assert "epochs" in run.messages.get(timeout=60)["error"]


def test_a_pause_ends_after_a_while(monkeypatch):
    control = Control("hello")
    control.put({"do": "pause"})
    times = iter([0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(
        "dlnlp.training.process.time.monotonic", lambda: next(times, LONGEST_PAUSE + 1)
    )
    control.wait(lambda: None)
    assert control.stopping


def test_training_ends_at_the_time_limit_and_keeps_its_weights(monkeypatch, tmp_path):
    monkeypatch.setattr("dlnlp.training.process.MOST_SECONDS", 0.0)
    messages = []
    run(job(tmp_path / "out"), Control("hello"), messages.append)
    last = messages[-1]["progress"]
    assert (last["end"], last["step"]) == (TIMED_OUT, 1)
    assert checkpoint.verify(tmp_path / "out")["steps"] == 1


def test_slow_motion_does_not_hold_a_place_for_ever(monkeypatch, tmp_path):
    monkeypatch.setattr("dlnlp.training.process.LONGEST_RUN", 0.01)
    monkeypatch.setattr("dlnlp.training.process.SLOW", 0.02)
    messages = []
    run(job(tmp_path / "out"), Control("hello", slow=True), messages.append)
    assert messages[-1]["progress"]["end"] == TIMED_OUT


def test_a_blank_sentence_has_no_answer(tmp_path):
    messages = []
    run(job(tmp_path / "out", sentence=" "), Control(" "), messages.append)
    assert not [each for each in messages if each["progress"]["answer"]]
    assert messages[-1]["progress"]["end"] == FINISHED
