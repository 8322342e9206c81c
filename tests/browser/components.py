"""A page with every component of the design system, and the small application that serves it."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from types import SimpleNamespace

import flask
from jinja2 import ChoiceLoader, FileSystemLoader

from flask_accrue.charts import Series, bar_chart, line_chart
from flask_accrue.money import Money
from flask_accrue.resources import folder

NOON = datetime.datetime(2026, 3, 14, 12, 0, tzinfo=datetime.UTC)
NAMES = (
    "Northwind Observatory,Saltmarsh Bakery & Daughters,Kite & Keel,Fernhill Press,Ōkami Ceramics"
)
STATES = ["active", "trialing", "past_due", "canceled", "incomplete"]


def column(label: str, kind: str = "text") -> SimpleNamespace:
    return SimpleNamespace(label=label, kind=kind)


def choice(name: str, label: str, kind: str, value: str = "", **more: object) -> SimpleNamespace:
    return SimpleNamespace(name=name, label=label, kind=kind, value=value, **more)


def link(label: str, icon: str | None = None, **more: object) -> SimpleNamespace:
    return SimpleNamespace(label=label, url="#", icon=icon, current=False, **more)


def facts_of_the_page() -> dict[str, object]:
    rows = [
        SimpleNamespace(
            name=name,
            id=f"cus_{n}Yq7bXk2",
            status=STATES[n],
            amount=Money(1900 * (n * 7 + 1), "usd"),
            renewed=NOON - datetime.timedelta(days=31 * n),
        )
        for n, name in enumerate(NAMES.split(","))
    ]
    columns = [
        column("Customer"),
        column("State", "status"),
        column("Paid", "money"),
        column("Renews", "time"),
        column("Processor id", "code"),
    ]
    filters = [
        choice("q", "Search", "search", "kite"),
        choice(
            "state", "State", "choice", "active", choices=[("active", "Active"), ("x", "Past due")]
        ),
        choice("since", "Since", "date"),
    ]
    months = ["Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar"]
    paid = [
        41_200,
        43_900,
        45_100,
        44_800,
        48_300,
        51_900,
        55_000,
        54_100,
        58_800,
        63_400,
        66_100,
        70_350,
    ]
    unpaid = [1_900, 0, 1_900, 4_900, 0, 3_800, 1_900, 9_800, 4_900, 0, 6_800, 12_700]
    days = [f"{day} Mar" for day in range(1, 31)]
    views = [900 + (day * 37) % 400 + (day % 7 < 5) * 500 for day in range(30)]
    return {
        "rows": rows,
        "columns": columns,
        "filters": filters,
        "bars": bar_chart("Invoices", months, [Series("paid", paid), Series("unpaid", unpaid)]),
        "line": line_chart(
            "Page views",
            days,
            [
                Series("this month", views),
                Series("last month", [v * 4 // 5 for v in reversed(views)]),
            ],
        ),
        "timeline": [
            SimpleNamespace(
                title=title,
                tone=tone,
                time=NOON - datetime.timedelta(hours=7 * n),
                text=text,
                meta=meta,
                url=None,
            )
            for n, (title, tone, text, meta) in enumerate(
                [
                    ("Payment succeeded", "good", "$19.00 for Pro, March", "webhook invoice.paid"),
                    (
                        "Payment failed",
                        "bad",
                        "The card was declined: insufficient funds.",
                        "webhook",
                    ),
                    (
                        "Plan changed",
                        "info",
                        "Pro to Team, prorated from today.",
                        "user mara@example.com",
                    ),
                    ("Trial ends in 3 days", "warn", None, "job"),
                    ("Subscription started", None, None, "user mara@example.com"),
                ]
            )
        ],
        "tabs": [
            SimpleNamespace(label=label, url="#", current=n == 0, count=count)
            for n, (label, count) in enumerate(
                [
                    ("Overview", None),
                    ("Subscriptions", 2),
                    ("Invoices", 14),
                    ("Charges", 14),
                    ("Events", 61),
                ]
            )
        ],
        "navigation": [
            SimpleNamespace(
                title=None,
                links=[SimpleNamespace(label="Dashboard", url="#", icon="dashboard", current=True)],
            ),
            SimpleNamespace(
                title="Billing",
                links=[
                    link("Customers", "customers"),
                    link("Subscriptions", "subscriptions"),
                    link("Invoices", "invoices"),
                    link("Charges", "card"),
                    link("Products", "products"),
                    link("Discounts", "discounts"),
                ],
            ),
            SimpleNamespace(
                title="Operations",
                links=[
                    link("Webhooks", "webhooks", count=3),
                    link("Events", "events"),
                    link("Mails", "mail"),
                    link("Dunning", "chart"),
                    link("Jobs", "clock"),
                ],
            ),
        ],
        "brand": SimpleNamespace(
            name="Tidemark billing", home_url="/", logo_url=None, stylesheet_url=None
        ),
        "operator": "mara@example.com",
        "exit_url": "/",
        "metadata": json.dumps(
            {"team": "growth", "quote": "<b>5 & 6</b>", "sizes": [1, 2]}, indent=2
        ),
        "token": "not-a-real-token",
    }


def create_app() -> flask.Flask:
    """Build an application that shows the components, and error pages."""
    app = flask.Flask(__name__, static_folder=None)
    app.config.update(SECRET_KEY="components")
    app.jinja_options = {
        "loader": ChoiceLoader(
            [
                FileSystemLoader(folder("templates")),
                FileSystemLoader(Path(__file__).parent / "pages"),
            ]
        )
    }
    app.register_blueprint(
        flask.Blueprint(
            "accrue",
            __name__,
            static_folder=folder("static") / "accrue",
            static_url_path="/accrue/static",
        )
    )

    @app.get("/")
    def office() -> str:
        return flask.render_template("components.html", **facts_of_the_page())

    @app.get("/portal")
    def portal() -> str:
        known = facts_of_the_page() | {
            "navigation": [
                SimpleNamespace(label=label, url="#", current=n == 0)
                for n, label in enumerate(["Overview", "Plans", "Cards", "Invoices", "Details"])
            ],
            "customer_name": "Kite & Keel",
        }
        return flask.render_template("portal.html", **known)

    @app.get("/missing")
    def missing() -> tuple[str, int]:
        return flask.render_template(
            "accrue/error.html",
            code=404,
            title="There is nothing at this address",
            message="It may have moved, or it belongs to somebody else. Check the address.",
            action_url="/",
            action_label="Back to the dashboard",
        ), 404

    return app
