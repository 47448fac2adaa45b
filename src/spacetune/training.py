"""The name that `spacetune.fitting` had in version 0.1; it goes in 0.3."""

import warnings

from spacetune.fitting import *  # noqa: F403
from spacetune.fitting import __all__ as __all__

warnings.warn("spacetune.training is spacetune.fitting now", FutureWarning, stacklevel=2)
