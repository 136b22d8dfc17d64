"""The bound of each check; policy.yaml documents them."""

from __future__ import annotations

from dataclasses import dataclass

from platform_assets.domains.waf.decisions import STRICT


@dataclass(frozen=True)
class Bounds:
    """The bound of each check; policy.yaml documents them."""

    __pydantic_config__ = STRICT

    max_new_blocks: int = 500
    max_churn_share: float = 0.5
    min_entries_for_churn: int = 50
    max_rejected_share: float = 0.2
    volume_collapse: float = 0.1
    volume_explosion: float = 20.0
    max_missing_hours: int = 2
    min_usual_requests: int = 100
    delivery_hours: int = 3
    max_silent_hours: int = 24
    max_feature_drift: float = 1.5
    min_clients_for_drift: int = 50
    max_family_share: float = 0.98
    min_entries_for_skew: int = 200

    def __post_init__(self) -> None:
        shares = (self.max_rejected_share, self.max_family_share, self.volume_collapse)
        if not all(0 <= share <= 1 for share in shares) or self.max_churn_share < 0:
            raise ValueError("shares must be between 0 and 1")
        if self.volume_explosion <= 1:
            raise ValueError("volume_explosion must be above 1")
        if not 0 < self.max_feature_drift < float("inf"):
            raise ValueError("max_feature_drift must be above 0")
        if min(self.min_usual_requests, self.max_silent_hours, self.min_clients_for_drift) < 1:
            raise ValueError("min_usual_requests, max_silent_hours and min_clients_for_drift must be at least 1")
        if not 0 <= self.delivery_hours <= 24 or not 0 <= self.max_missing_hours <= 24:
            raise ValueError("delivery_hours and max_missing_hours must be between 0 and 24")
        if min(self.max_new_blocks, self.min_entries_for_churn, self.min_entries_for_skew) < 0:
            raise ValueError("counts must not be negative")
