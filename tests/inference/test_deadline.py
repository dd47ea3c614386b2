import time

import pytest

from dlnlp.inference.deadline import DeadlineExceeded, check_deadline, deadline


def test_without_a_deadline_nothing_is_raised():
    check_deadline()


def test_a_passed_deadline_is_raised_with_its_length():
    with deadline(0.01):
        check_deadline()
        time.sleep(0.02)
        with pytest.raises(DeadlineExceeded, match=r"0\.01 seconds"):
            check_deadline()
    check_deadline()


def test_the_earlier_of_two_deadlines_holds():
    with deadline(0.01), deadline(100):
        time.sleep(0.02)
        with pytest.raises(DeadlineExceeded):
            check_deadline()
