"""The organizations of the demo, and what happened to each in the last year.

A step is ``(months ago, days ago, what, with what)``. Months are calendar months, so that a renewal
stays on its day.
"""

from __future__ import annotations

import dataclasses
from typing import Any

Step = tuple[int, float, str, tuple[Any, ...]]

WORKS, FAILS, ASKS = "tok_visa", "tok_chargeCustomerFail", "tok_authenticationRequired"


@dataclasses.dataclass(frozen=True)
class Story:
    """An organization, its owner, other members with their roles, and its steps."""

    name: str
    domain: str
    owner: str
    steps: tuple[Step, ...] = ()
    members: tuple[tuple[str, str], ...] = ()
    ends: str = ""


STORIES = (
    Story(
        "Saltmarsh Bakery",
        "saltmarsh.example",
        "Ida Holm",
        (
            (11, 20, "subscribe", ("pro", WORKS)),
            (7, 3, "change", ("team", 3)),
            (4, 11, "seats", (5,)),
        ),
        (("Tomas Reyes", "admin"), ("Priya Nair", "member"), ("Jonas Beck", "member")),
        ends="active on Team, five seats",
    ),
    Story(
        "Northwind Observatory",
        "northwind.example",
        "Amara Diallo",
        ((10, 25, "subscribe", ("pro", "tok_mastercard")),),
        ends="active on Pro",
    ),
    Story(
        "Kite & Keel",
        "kiteandkeel.example",
        "Mara Lindqvist",
        ((9, 18, "subscribe", ("pro", WORKS)), (0, 12, "card", (FAILS,))),
        ends="past due, still open",
    ),
    Story(
        "Fernhill Press",
        "fernhill.example",
        "Owen Price",
        ((9, 2, "subscribe", ("pro", WORKS)), (3, 1, "cancel", ())),
        ends="canceled, on Free again",
    ),
    Story(
        "Okami Ceramics",
        "okami.example",
        "Yuki Sato",
        ((0, 5, "subscribe", ("pro", WORKS)),),
        ends="on trial",
    ),
    Story(
        "Lantern & Loom",
        "lanternloom.example",
        "Bea Okafor",
        ((0, 9, "subscribe", ("team", WORKS)), (0, 2, "cancel", ())),
        ends="on trial, won't stay",
    ),
    Story(
        "Bramble Bikes",
        "bramble.example",
        "Luca Ferri",
        ((6, 8, "subscribe", ("team", WORKS, 2)), (0, 6, "cancel", ())),
        (("Nora Weiss", "admin"),),
        ends="ending with its period",
    ),
    Story(
        "Harbour Lights Radio",
        "harbourlights.example",
        "Sinead Byrne",
        ((0, 0.1, "subscribe_now", ("pro", ASKS)),),
        ends="waiting for a confirmation by the bank",
    ),
    Story(
        "Quarry Street Choir",
        "quarrystreet.example",
        "Hugo Marchand",
        ((0, 3, "subscribe_now", ("pro", FAILS)),),
        ends="expired before it was ever paid",
    ),
    Story(
        "Meridian Maps",
        "meridian.example",
        "Leila Haddad",
        ((5, 15, "subscribe", ("pro", WORKS)), (0, 20, "pause", ())),
        ends="paused",
    ),
    Story(
        "Tall Pine Nursery",
        "tallpine.example",
        "Eero Virtanen",
        ((5, 10, "subscribe", ("pro", WORKS)), (1, 29, "card", (FAILS,))),
        ends="unpaid, after the last retry",
    ),
    Story(
        "Copper Kettle",
        "copperkettle.example",
        "Grace Whitaker",
        (
            (8, 16, "subscribe", ("pro", WORKS)),
            (2, 9, "card", (FAILS,)),
            (1, 29, "card", ("tok_mastercard",)),
            (1, 29, "pay", ()),
        ),
        ends="active, after a failed payment was mended",
    ),
    Story(
        "Cobalt Cycles",
        "cobalt.example",
        "Rafael Costa",
        ((0, 20, "subscribe", ("pro", None)),),
        ends="past due: its trial ended without a card",
    ),
    Story(
        "Foxglove Pharmacy",
        "foxglove.example",
        "Anneke de Vries",
        ((7, 22, "subscribe", ("pro", WORKS)), (0, 4, "refund", (700,))),
        ends="active, with a part of a payment refunded",
    ),
    Story("Wren & Daughters", "wren.example", "Ada Wren", ends="on Free"),
)
