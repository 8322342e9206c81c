"""What people come for: the dashboard, and the reports and exports that a plan opens."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterator

import flask
from flask_login import login_required
from werkzeug.wrappers import Response

from flask_accrue import clock, entitlement_quantity, require_feature
from flask_accrue.charts import Chart, Series, bar_chart, line_chart

from . import plans, traffic

blueprint = flask.Blueprint("analytics", __name__)

#: The periods that the dashboard offers, in weeks: whole ones, so that a Monday meets a Monday.
PERIODS = ((4, "4 weeks"), (12, "12 weeks"), (52, "A year"))
FREE_WEEKS = 4


def upgrade(feature: str) -> Response:
    """Send whoever met a closed gate to the page that says which plan opens it."""
    return flask.redirect(flask.url_for("analytics.locked", feature=feature), 303)


def today() -> datetime.date:
    """Return the day by billing time, so that the charts move with the demo's clock."""
    return clock.now().date()


@blueprint.get("/dashboard")
@login_required
def dashboard() -> str:
    """Show the last days of the site; how many depends on the plan."""
    organization = flask.g.organization
    allowed = entitlement_quantity(organization, "history_weeks") or FREE_WEEKS
    wanted = flask.request.args.get("weeks", default=FREE_WEEKS, type=int)
    weeks = wanted if wanted in dict(PERIODS) and wanted <= allowed else FREE_WEEKS
    now = traffic.days(organization.domain, today(), 7 * weeks)
    before = traffic.days(organization.domain, now[0].date - datetime.timedelta(days=1), 7 * weeks)
    return flask.render_template(
        "dashboard.html",
        periods=[(each, label, each <= allowed, each == weeks) for each, label in PERIODS],
        figures=figures(now, before),
        chart=visitors_chart(now, before),
        pages=traffic.shares(organization.domain, traffic.PAGES, now, before),
        sources=traffic.shares(organization.domain, traffic.SOURCES, now, before),
    )


def figures(
    now: list[traffic.Day], before: list[traffic.Day]
) -> list[tuple[str, str, int | None, bool]]:
    """Return the headline figures: label, value, change in percent, and whether it's welcome."""
    visitors, visitors_before = (sum(day.visitors for day in days) for days in (now, before))
    views, views_before = (sum(day.views for day in days) for days in (now, before))
    bounces = [sum(day.bounces for day in days) for days in (now, before)]
    seconds = [sum(day.seconds for day in days) // len(days) for days in (now, before)]
    bounce, bounce_before = 100 * bounces[0] // visitors, 100 * bounces[1] // visitors_before
    rows = [
        ("Visitors", f"{visitors:,}", visitors, visitors_before, True),
        ("Page views", f"{views:,}", views, views_before, True),
        ("Left at once", f"{bounce} %", bounce, bounce_before, False),
        ("Time on site", f"{seconds[0] // 60} m {seconds[0] % 60:02} s", *seconds, True),
    ]
    changes = [round(100 * (value - old) / old) if old else None for _, _, value, old, _ in rows]
    return [
        (label, text, change, change is not None and change * (1 if more_is_better else -1) >= 0)
        for (label, text, _, _, more_is_better), change in zip(rows, changes, strict=True)
    ]


def visitors_chart(now: list[traffic.Day], before: list[traffic.Day]) -> Chart:
    """Lay out the visitors of a period over those of the period before."""
    return line_chart(
        "Visitors",
        [f"{day.date:%d %b}" for day in now],
        [
            Series("this period", [day.visitors for day in now]),
            Series("the one before", [day.visitors for day in before]),
        ],
    )


@blueprint.get("/reports")
@login_required
@require_feature("reports", on_deny=lambda: upgrade("reports"))
def reports() -> str:
    """Show half a year by week, goals and sources: on Pro and Team."""
    site = flask.g.organization.domain
    half_year = list(traffic.weeks(site, today(), 26))
    chart = bar_chart(
        "Visitors a week",
        [f"{monday:%d %b}" for monday, _ in half_year],
        [
            Series("stayed", [sum(d.visitors - d.bounces for d in days) for _, days in half_year]),
            Series("left at once", [sum(d.bounces for d in days) for _, days in half_year]),
        ],
    )
    now = traffic.days(site, today(), 28)
    before = traffic.days(site, now[0].date - datetime.timedelta(days=1), 28)
    return flask.render_template(
        "reports.html",
        chart=chart,
        goals=traffic.shares(site, traffic.GOALS, now, before),
        sources=traffic.shares(site, traffic.SOURCES, now, before),
        visitors=sum(day.visitors for day in now),
    )


EXPORTS = {
    "days": ("Days", "Visitors, views, single-page visits and time, a row a day for a year."),
    "weeks": ("Weeks", "The same by week, a row a week for half a year."),
}


@blueprint.get("/exports")
@login_required
@require_feature("exports", on_deny=lambda: upgrade("exports"))
def exports() -> str:
    """List what can be downloaded: on Team."""
    return flask.render_template("exports.html", exports=EXPORTS)


@blueprint.get("/exports/<any(days, weeks):name>.csv")
@login_required
@require_feature("exports", on_deny=lambda: upgrade("exports"))
def export(name: str) -> Response:
    """Stream a CSV file."""
    site, until = flask.g.organization.domain, today()
    rows = _days(site, until) if name == "days" else _weeks(site, until)
    return Response(
        rows,
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename=tidemark-{name}-{until}.csv"},
    )


def _days(site: str, until: datetime.date) -> Iterator[str]:
    yield _row("date", "visitors", "views", "single_page_visits", "seconds")
    for each in traffic.days(site, until, 365):
        yield _row(each.date, each.visitors, each.views, each.bounces, each.seconds)


def _weeks(site: str, until: datetime.date) -> Iterator[str]:
    yield _row("week_from", "visitors", "views", "single_page_visits")
    for monday, week in traffic.weeks(site, until, 26):
        yield _row(
            monday,
            sum(each.visitors for each in week),
            sum(each.views for each in week),
            sum(each.bounces for each in week),
        )


def _row(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


@blueprint.get("/plans/for/<any(reports, exports, team):feature>")
@login_required
def locked(feature: str) -> tuple[str, int]:
    """Say which plan opens a page."""
    plan = plans.named(plans.OPENED_BY[feature])
    return flask.render_template("locked.html", feature=feature, plan=plan), 403
