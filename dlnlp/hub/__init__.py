"""Models of the Hugging Face Hub, or of a folder, with the same methods as our own predictors.

``HubModels.get(name)`` returns a ``HubClassifier``, a ``HubLanguageModel`` or a ``ChapterModel``.
Importing this package loads neither torch nor transformers.
"""

from dlnlp.hub.chapters import CHAPTER, ChapterModel
from dlnlp.hub.download import Progress
from dlnlp.hub.errors import HubError
from dlnlp.hub.models import HubModels, shared_models
from dlnlp.hub.policy import (
    CLASSIFICATION,
    GENERATION,
    PREFIX,
    PRESETS,
    Preset,
    allowed,
    check_allowed,
    is_hub_name,
    mode,
    names_other_model,
    offered,
)

__all__ = [
    "CHAPTER",
    "CLASSIFICATION",
    "GENERATION",
    "PREFIX",
    "PRESETS",
    "ChapterModel",
    "HubError",
    "HubModels",
    "Preset",
    "Progress",
    "allowed",
    "check_allowed",
    "is_hub_name",
    "mode",
    "names_other_model",
    "offered",
    "shared_models",
]
