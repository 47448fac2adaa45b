"""Token features on disk: encoded once, found again by content."""

from spacetune.encoders.store.feature_store import FeatureStore, default_store
from spacetune.encoders.store.holdings import StoreSummary
from spacetune.encoders.store.stored_features import StoredFeatures

__all__ = ["FeatureStore", "StoreSummary", "StoredFeatures", "default_store"]
