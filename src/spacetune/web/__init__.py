"""The web: a small server around saved models, and the page where one types a text and sees why."""

from spacetune.web.app import make_app
from spacetune.web.limits import Limits
from spacetune.web.serving import serve

__all__ = ["Limits", "make_app", "serve"]
