"""Models of the Hugging Face Hub, or of a folder, with the same methods as our own predictors.

``HubModels.get(name)`` returns a ``HubClassifier`` or a ``HubLanguageModel``. Importing this
package loads neither torch nor transformers.
"""

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
    "CLASSIFICATION",
    "GENERATION",
    "PREFIX",
    "PRESETS",
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
