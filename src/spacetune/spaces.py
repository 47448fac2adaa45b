"""The name that `spacetune.heads.spaces` had in version 0.1; it goes in 0.3."""

import warnings

from spacetune.heads.spaces import *  # noqa: F403
from spacetune.heads.spaces import __all__ as __all__

warnings.warn("spacetune.spaces is spacetune.heads.spaces now", FutureWarning, stacklevel=2)
