"""Models of the Hugging Face Hub, or of a folder, with the same methods as our own predictors.

``HubModels.get(name)`` returns a ``HubClassifier`` or a ``HubLanguageModel``. Importing this
package loads neither torch nor transformers.
"""

from dlnlp.hub.errors import HubError
from dlnlp.hub.models import HubModels, shared_models
from dlnlp.hub.policy import PRESETS, Preset, allowed, check_allowed, names_other_model, offered

__all__ = [
    "PRESETS",
    "HubError",
    "HubModels",
    "Preset",
    "allowed",
    "check_allowed",
    "names_other_model",
    "offered",
    "shared_models",
]
