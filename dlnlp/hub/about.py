"""What a loaded model of the Hub is: name, commit, task, architecture, size and labels."""

from __future__ import annotations

from dataclasses import dataclass

from dlnlp.hub.policy import PREFIX


@dataclass(frozen=True)
class About:
    """What a loaded model is.

    Args:
        name: "owner/name" on the Hub, or the path of its folder.
        task: "classification" or "generation".
        architecture: Its class in the transformers library.
        parameters: The number of its parameters.
        commit: The commit of its files on the Hub, empty for a folder.
        labels: The names of the labels of a classifier.
        multi_label: Whether any number of labels can apply to a text.
    """

    name: str
    task: str
    architecture: str
    parameters: int
    commit: str = ""
    labels: tuple[str, ...] = ()
    multi_label: bool = False

    @property
    def source(self) -> str:
        """The name to load it by: "hf:owner/name", or the path of its folder."""
        return PREFIX + self.name if self.commit else self.name
