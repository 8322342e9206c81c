"""What pages for operators and for customers share: headers, forms, redirects, assets, wording."""

from __future__ import annotations

from .assets import assets_blueprint
from .formats import card_text, expiry_text, format_date, format_money, format_time, zone_name
from .headers import allow, nonce
from .redirects import safe_target
from .surface import refuse_forged_forms, surface

__all__ = [
    "allow",
    "assets_blueprint",
    "card_text",
    "expiry_text",
    "format_date",
    "format_money",
    "format_time",
    "nonce",
    "refuse_forged_forms",
    "safe_target",
    "surface",
    "zone_name",
]
