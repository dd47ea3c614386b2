from __future__ import annotations

from pathlib import Path

import pytest

from train.run import constant_then_linear, parser, share


@pytest.mark.parametrize(
    ("arguments", "recorded"),
    [
        ([], ""),
        (["--data-dir", "/home/me/data"], "--data-dir data"),
        (["--data-dir=/home/me/data"], "--data-dir data"),
        (["--data-di", "/home/me/data"], "--data-dir data"),
        (["--keep", "/home/me/runs/teacher"], "--keep teacher"),
        (["--keep=../runs/teacher"], "--keep teacher"),
        (["--keep", "~/teacher"], "--keep teacher"),
        (["--keep", "/home/me/runs/a", "runs/b"], "--keep a runs/b"),
        (["--out", "runs/a", "--lr", "1e-4", "--smoke"], "--lr 0.0001 --out runs/a --smoke"),
        (["--base", "org/bert-base"], "--base org/bert-base"),
        (["--base", "/home/me/bert base"], "--base 'bert base'"),
    ],
)
def test_the_recorded_command_has_no_path_of_this_machine(
    arguments: list[str], recorded: str
) -> None:
    options = parser("some_script", "", epochs=1, batch_size=8, lr=1e-3)
    options.add_argument("--keep", type=Path, nargs="+")
    options.add_argument("--base", default="bert-base-uncased")
    args = options.parse_args(arguments)
    assert args.command == f"python -m train.some_script {recorded}".strip()


@pytest.mark.parametrize("text", ["2", "-0.1", "nan", "half"])
def test_a_share_is_from_0_to_1(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = parser("some_script", "", epochs=1, batch_size=8, lr=1e-3)
    options.add_argument("--review-share", type=share)
    assert options.parse_args(["--review-share", "0.5"]).review_share == 0.5
    with pytest.raises(SystemExit):
        options.parse_args(["--review-share", text])
    assert "is not a number from 0 to 1" in capsys.readouterr().err


def test_the_learning_rate_is_constant_and_then_falls_in_a_line_to_zero() -> None:
    factors = [constant_then_linear(step / 100, 0.4) for step in range(101)]
    assert set(factors[:61]) == {1.0}
    assert factors[80] == pytest.approx(0.5)
    assert factors[100] == 0
