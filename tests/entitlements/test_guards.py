from __future__ import annotations

import asyncio
import functools
import json
from typing import TYPE_CHECKING, Any

import flask
import pytest
import sqlalchemy as sa
from flask.views import MethodView
from flask_login import LoginManager, UserMixin, login_user
from werkzeug.exceptions import Forbidden

from flask_accrue import Billable, guard_blueprint, require_feature, require_plan
from flask_accrue.entitlements import AccessDenied, current_owner
from flask_accrue.signals import access_denied
from tests.host import Organization

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.entitlements.conftest import Host

pytestmark = pytest.mark.only("sqlite")

JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def payer(host: Host) -> Organization:
    """Give an owner with the plan pro, who is behind every request."""
    owner = host.owner("Payer")
    host.hold(owner, "price_pro")
    host.session.commit()
    host.own(owner)
    return owner


@pytest.fixture
def pauper(host: Host) -> Organization:
    """Give an owner who holds nothing, and who is behind every request."""
    owner = host.owner("Pauper")
    host.own(owner)
    return owner


def serve(host: Host, guard: Any, **options: Any) -> Any:
    """Put a guarded view at ``/``, and return a client."""
    host.app.add_url_rule("/", view_func=guard(lambda: "in"), endpoint="guarded", **options)
    return host.app.test_client()


# -- passing and denying ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guard", "status"),
    [
        (require_feature("reports"), 200),
        (require_feature("exports"), 403),
        (require_feature("no such feature"), 403),
        (require_feature("pro"), 403),
        (require_plan("pro"), 200),
        (require_plan("team"), 403),
        (require_plan("price_pro"), 403),
    ],
)
def test_a_guarded_view_opens_only_to_who_holds_it(
    host: Host, payer: Organization, guard: Any, status: int
) -> None:
    assert serve(host, guard).get("/").status_code == status


def test_without_an_owner_nothing_opens(host: Host) -> None:
    host.own(None)
    client = serve(host, require_feature("reports"))
    assert client.get("/").status_code == 403


def test_a_view_keeps_its_name_its_arguments_and_its_docstring() -> None:
    @require_feature("reports")
    def show(number: int) -> str:
        """Show a report."""
        return f"{number}"

    assert (show.__name__, show.__doc__) == ("show", "Show a report.")


def test_arguments_reach_the_view(host: Host, payer: Organization) -> None:
    @host.app.get("/reports/<int:number>")
    @require_feature("reports")
    def show(number: int) -> str:
        return f"report {number}"

    assert host.app.test_client().get("/reports/5").text == "report 5"


def test_a_view_class_is_guarded_through_its_decorators(host: Host, payer: Organization) -> None:
    class Reports(MethodView):
        decorators = [require_feature("reports"), require_feature("exports")]  # noqa: RUF012

        def get(self) -> str:
            return "in"

    host.app.add_url_rule("/", view_func=Reports.as_view("reports"))
    assert host.app.test_client().get("/").status_code == 403


@pytest.mark.parametrize(("feature", "status"), [("reports", 200), ("exports", 403)])
def test_an_asynchronous_view_is_guarded_and_awaited(
    host: Host, payer: Organization, feature: str, status: int
) -> None:
    # What Flask asks of an app that brings its own event loop, so that no extra package is needed.
    host.app.async_to_sync = lambda view: functools.partial(run, view)  # type: ignore[method-assign]
    calls: list[str] = []

    def run(view: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return asyncio.run(view(*args, **kwargs))

    @host.app.get("/<name>")
    @require_feature(feature)
    async def page(name: str) -> str:
        await asyncio.sleep(0)
        calls.append(name)
        return "in"

    assert host.app.test_client().get("/x").status_code == status
    assert calls == (["x"] if status == 200 else [])


def test_options_passes_every_guard_and_reaches_no_other_method(
    host: Host, pauper: Organization
) -> None:
    blueprint = flask.Blueprint("paid", __name__)
    guard_blueprint(blueprint, feature="reports")
    blueprint.add_url_rule("/in", view_func=lambda: "in", methods=["GET", "POST"], endpoint="in")
    host.app.register_blueprint(blueprint)
    client = serve(
        host,
        require_feature("reports"),
        methods=["GET", "OPTIONS"],
        provide_automatic_options=False,
    )
    assert client.options("/").status_code == 200
    assert set(client.options("/in").allow) == {"GET", "HEAD", "OPTIONS", "POST"}
    for method in ("GET", "HEAD", "POST"):
        assert client.open("/in", method=method).status_code == 403
    overridden = client.post("/in", headers={"X-HTTP-Method-Override": "OPTIONS"})
    assert overridden.status_code == 403


# -- blueprints ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"feature": "reports"}, 200),
        ({"feature": "exports"}, 403),
        ({"plan": "pro"}, 200),
        ({"plan": "team"}, 403),
    ],
)
def test_a_guarded_blueprint_guards_all_its_views_and_those_nested_in_it(
    host: Host, payer: Organization, condition: dict[str, str], status: int
) -> None:
    outer, inner = flask.Blueprint("outer", __name__), flask.Blueprint("inner", __name__)
    guard_blueprint(outer, **condition)
    outer.add_url_rule("/one", view_func=lambda: "in", endpoint="one")
    inner.add_url_rule("/two", view_func=lambda: "in", endpoint="two")
    outer.register_blueprint(inner)
    host.app.register_blueprint(outer)
    host.app.add_url_rule("/open", view_func=lambda: "in", endpoint="open")
    client = host.app.test_client()
    assert client.get("/one").status_code == status
    assert client.get("/two").status_code == status
    assert client.get("/open").status_code == 200


def test_several_guards_of_one_blueprint_must_all_agree(host: Host, payer: Organization) -> None:
    blueprint = flask.Blueprint("paid", __name__)
    guard_blueprint(blueprint, feature="reports")
    guard_blueprint(blueprint, plan="team")
    blueprint.add_url_rule("/", view_func=lambda: "in", endpoint="in")
    host.app.register_blueprint(blueprint)
    assert host.app.test_client().get("/").status_code == 403


# -- mistakes that show when the app starts --------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [{}, {"feature": "a", "plan": "b"}, {"feature": ""}, {"plan": None}, {"feature": ["a"]}],
)
def test_a_blueprint_guard_asks_for_exactly_one_thing(condition: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="one feature or one plan"):
        guard_blueprint(flask.Blueprint("paid", __name__), **condition)


def test_a_guard_without_its_name_is_an_error_where_it_stands() -> None:
    with pytest.raises(TypeError, match="one feature or one plan"):

        @require_feature
        def view() -> str:
            return "in"


@pytest.mark.parametrize("on_deny", [200, 302, 600, True, -1])
def test_a_status_for_denials_is_an_error_status(on_deny: int) -> None:
    with pytest.raises(ValueError, match="no error status"):
        require_feature("reports", on_deny=on_deny)


@pytest.mark.parametrize("on_deny", ["", 4.5, b"/pricing", ["/pricing"]])
def test_what_can_answer_no_denial_is_refused(on_deny: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="on_deny"):
        require_feature("reports", on_deny=on_deny)


# -- the denial ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "text/html"),
        (BROWSER, "text/html"),
        ({"Accept": "*/*"}, "text/html"),
        ({"Accept": "nonsense"}, "text/html"),
        ({"Accept": "image/png"}, "text/html"),
        (JSON, "application/json"),
        ({"Accept": "application/json, text/plain, */*"}, "application/json"),
        ({"Accept": "text/html;q=0.5, application/json"}, "application/json"),
    ],
)
def test_a_denial_comes_as_the_request_accepts_it(
    host: Host, pauper: Organization, headers: dict[str, str], kind: str
) -> None:
    response = serve(host, require_feature("reports")).get("/", headers=headers)
    assert response.status_code == 403
    assert response.mimetype == kind
    assert response.headers["Vary"] == "Accept"
    if kind == "application/json":
        assert json.loads(response.text)["code"] == "access_denied"


@pytest.mark.parametrize("headers", [JSON, BROWSER])
def test_a_denial_tells_nothing_of_why(
    make_host: Callable[..., Host], headers: dict[str, str]
) -> None:
    host = make_host(unmapped="raise")
    nobody, pauper, unmapped, canceled = (None, *(host.owner() for _ in range(3)))
    host.hold(unmapped, "price_forgotten")
    host.hold(canceled, status="canceled")
    host.session.commit()
    client = serve(host, require_feature("reports"))
    host.app.add_url_rule("/2", view_func=require_plan("team")(lambda: "in"), endpoint="other")
    bodies = set()
    for owner in (nobody, pauper, unmapped, canceled):
        host.own(owner)
        for path in ("/", "/2"):
            response = client.get(path, headers=headers)
            assert response.status_code == 403
            bodies.add(response.text)
    assert len(bodies) == 1
    assert not {"reports", "team", "plan"} & set(bodies.pop().lower().split())


def test_a_host_may_show_its_own_page_for_a_denial(host: Host, pauper: Organization) -> None:
    @host.app.errorhandler(AccessDenied)
    def explain(error: AccessDenied) -> tuple[str, int]:
        return f"{error.owner.name} lacks {error.feature}", 402

    response = serve(host, require_feature("reports")).get("/")
    assert (response.status_code, response.text) == (402, "Pauper lacks reports")
    assert issubclass(AccessDenied, Forbidden)


def test_a_denial_is_signaled(host: Host, pauper: Organization) -> None:
    heard: list[dict[str, Any]] = []

    def listen(sender: Any, **told: Any) -> None:
        heard.append({"sender": sender, **told})

    with access_denied.connected_to(listen):
        serve(host, require_plan("team")).get("/")
    assert heard == [{"sender": host.app, "owner": pauper, "feature": None, "plan": "team"}]


# -- on_deny ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_deny", "location"),
    [
        ("/pricing?from=reports", "/pricing?from=reports"),
        ("https://example.com/pricing", "https://example.com/pricing"),
        ("pricing", "/our-prices"),
    ],
)
def test_a_denial_may_redirect_to_a_path_a_url_or_an_endpoint(
    host: Host, pauper: Organization, on_deny: str, location: str
) -> None:
    host.app.add_url_rule("/our-prices", view_func=lambda: "", endpoint="pricing")
    client = serve(host, require_feature("reports", on_deny=on_deny), methods=["POST"])
    response = client.post("/")
    assert (response.status_code, response.location) == (303, location)


@pytest.mark.parametrize("status", [401, 402, 404, 503])
def test_a_denial_may_be_another_status(host: Host, pauper: Organization, status: int) -> None:
    response = serve(host, require_feature("reports", on_deny=status)).get("/")
    assert response.status_code == status
    assert response.text != "in"


def test_a_denial_that_says_404_is_the_hosts_own_404(host: Host, pauper: Organization) -> None:
    host.app.register_error_handler(404, lambda error: ("nothing here", 404))
    host.app.register_error_handler(403, lambda error: ("forbidden", 403))
    client = serve(host, require_feature("reports", on_deny=404))
    assert client.get("/").text == client.get("/no-such-page").text == "nothing here"


def test_a_function_answers_a_denial(host: Host, pauper: Organization) -> None:
    client = serve(host, require_feature("reports", on_deny=lambda: ("upgrade", 402)))
    response = client.get("/")
    assert (response.status_code, response.text) == (402, "upgrade")


def test_a_function_that_forgets_to_answer_opens_nothing(host: Host, pauper: Organization) -> None:
    blueprint = flask.Blueprint("paid", __name__)
    guard_blueprint(blueprint, feature="reports", on_deny=lambda: None)
    blueprint.add_url_rule("/in", view_func=lambda: "in", endpoint="in")
    host.app.register_blueprint(blueprint)
    client = serve(host, require_feature("reports", on_deny=lambda: None))
    assert client.get("/").status_code == 403
    assert client.get("/in").status_code == 403


@pytest.mark.parametrize("nothing", ["", 0, b"", [], {}])
def test_an_empty_answer_to_a_denial_is_an_answer(
    host: Host, pauper: Organization, nothing: Any
) -> None:
    host.app.config["PROPAGATE_EXCEPTIONS"] = False
    client = serve(host, require_feature("reports", on_deny=lambda: nothing))
    assert client.get("/").text != "in"


# -- whose request it is ---------------------------------------------------------------------------


def test_no_part_of_the_request_chooses_the_owner(host: Host) -> None:
    rich, poor = host.owner("Rich"), host.owner("Poor")
    host.hold(rich)
    host.session.commit()
    host.own(poor)
    view = require_feature("reports")(lambda **_: "in")
    host.app.add_url_rule("/", view_func=view, methods=["GET", "POST"])
    host.app.add_url_rule("/<owner>/<owner_type>/<owner_id>", view_func=view, endpoint="long")
    client = host.app.test_client()
    names = ["owner", "owner_id", "id", "organization", "organization_id", "feature"]
    query = {name: str(rich.id) for name in names} | {"owner_type": "Organization"}
    headers = {"X-Owner": str(rich.id), "Accrue-Owner": f"Organization:{rich.id}"}
    headers["Accrue.Entitlements"] = "True"
    client.set_cookie("owner", f"Organization:{rich.id}")
    for response in (
        client.get("/", query_string=query, headers=headers),
        client.post("/", data=query, headers=headers),
        client.post("/", json=query),
        client.get(f"/{rich.id}/Organization/{rich.id}"),
        client.get("/", environ_overrides={"REMOTE_USER": str(rich.id)}),
    ):
        assert response.status_code == 403
    host.own(rich)
    assert client.get("/").status_code == 200


class User(UserMixin):
    """A user who isn't a Billable."""

    id = "1"


def log_in_as(host: Host, user: Any) -> None:
    manager = LoginManager(host.app)
    manager.user_loader(lambda _: user)

    @host.app.before_request
    def log_in() -> None:
        login_user(user)


def test_without_a_loader_a_user_who_is_billable_is_the_owner(host: Host) -> None:
    class Person(Billable, UserMixin):
        __billable_type__ = "Person"

    person = Person()
    person.id = "1"  # type: ignore[attr-defined]
    log_in_as(host, person)
    with host.app.test_request_context():
        host.app.preprocess_request()
        assert current_owner() is person


def test_a_user_who_isnt_billable_owns_nothing_and_the_log_says_what_to_do(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    log_in_as(host, User())
    client = serve(host, require_feature("reports"))
    assert client.get("/").status_code == 403
    assert client.get("/").status_code == 403
    (record,) = [record for record in caplog.records if "accrue:" in record.message]
    assert "@accrue.owner_loader" in record.message


def test_without_a_login_manager_or_a_loader_nobody_is_the_owner(host: Host) -> None:
    client = serve(host, require_feature("reports"))
    assert client.get("/").status_code == 403


def test_a_loader_that_fails_lets_nobody_in(host: Host) -> None:
    host.app.config["PROPAGATE_EXCEPTIONS"] = False

    @host.accrue.owner_loader
    def fail() -> None:
        raise RuntimeError("no session")

    client = serve(host, require_feature("reports"))
    assert client.get("/").status_code == 500


def test_a_loader_may_be_asynchronous(host: Host, payer: Organization) -> None:
    host.app.async_to_sync = lambda loader: lambda: asyncio.run(loader())  # type: ignore[method-assign]

    @host.accrue.owner_loader
    async def load() -> Organization:
        return payer

    assert serve(host, require_feature("reports")).get("/").status_code == 200


# -- when something is wrong -----------------------------------------------------------------------


def test_a_guard_denies_where_a_plain_call_would_raise(
    make_host: Callable[..., Host], caplog: pytest.LogCaptureFixture
) -> None:
    host = make_host(unmapped="raise")
    owner = host.owner()
    host.hold(owner, "price_forgotten")
    host.session.commit()
    host.own(owner)
    assert serve(host, require_feature("reports")).get("/").status_code == 403
    assert "a guard denies" in caplog.text


def test_a_database_error_denies(host: Host, payer: Organization) -> None:
    with host.db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE accrue_customers RENAME TO elsewhere"))
    assert serve(host, require_feature("reports")).get("/").status_code == 403


# -- templates -------------------------------------------------------------------------------------


def test_templates_ask_about_the_requests_owner_or_about_a_given_one(
    host: Host, payer: Organization
) -> None:
    other = host.owner()
    with host.app.test_request_context():
        shown = flask.render_template_string(
            "{{ entitled('reports') }} {{ entitled('exports') }} {{ entitled(other, 'reports') }} "
            "{{ entitled(none, 'reports') }} {{ entitled(other) }}",
            other=other,
        )
    assert shown == "True False False False False"


def test_a_template_never_raises_for_an_unmapped_price(make_host: Callable[..., Host]) -> None:
    host = make_host(unmapped="raise")
    owner = host.owner()
    host.hold(owner, "price_forgotten")
    host.own(owner)
    with host.app.test_request_context():
        assert flask.render_template_string("{{ entitled('reports') }}") == "False"
