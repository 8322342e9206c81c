"""The extension object: puts the parts together for an app."""

from __future__ import annotations

import collections.abc as c
import contextlib
import hashlib
import logging
import pathlib
import time
import typing as t
import uuid
import weakref

import rq
from flask import Flask, appcontext_pushed, has_request_context, request, session
from flask_login import user_logged_in

from . import cli, models, webhooks
from .admin import admin_blueprint
from .auth import AuthAdapter, FlaskLoginAuth
from .clock import Clock, SystemClock
from .config import Settings, read_settings
from .entitlements import entitled_in_template
from .errors import ConfigError
from .operations import Scope, operation
from .pages import assets_blueprint
from .portal import portal_blueprint
from .processors import Processor, objects
from .processors.fake import FakeProcessor
from .queue import InProcessQueue, Queue, RedisQueue
from .state import AccrueState, Handler

F = t.TypeVar("F", bound=t.Callable[..., t.Any])

logger = logging.getLogger(__name__)

_SCOPE: t.Final = "accrue.operations"

ProcessorFactory: t.TypeAlias = c.Callable[[Flask, Settings], Processor]


class Accrue:
    """Subscription billing for a Flask app.

    ::

        db = SQLAlchemy(app)
        accrue = Accrue(app)

    or, with an application factory::

        accrue = Accrue()

        def create_app():
            app = Flask(__name__)
            db.init_app(app)
            accrue.init_app(app)
            return app

    Flask-SQLAlchemy has to be there first: Accrue's rows are written through its session. Everything
    that belongs to one app is kept in ``app.extensions["accrue"]``.

    One object may serve several apps. What is registered on it (handlers, loaders, processors) is then all
    of theirs, whether they were initialized before or after; an app that is to have its own gets an object
    of its own, which shares nothing with another.

    :param auth: how to tell who is looking; by default Flask-Login's current user.
    """

    def __init__(self, app: Flask | None = None, *, auth: AuthAdapter | None = None) -> None:
        self._auth = auth or FlaskLoginAuth()
        self._handlers: list[tuple[str, Handler]] = []
        self._factories: dict[str, ProcessorFactory] = {}
        self._owner_loader: c.Callable[[], t.Any] | None = None
        self._customer_linker: c.Callable[[objects.Customer], t.Any] | None = None
        # Weakly: a factory that is called again and again, as in tests, leaves its apps behind.
        self._states: weakref.WeakSet[AccrueState] = weakref.WeakSet()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Validate the configuration and set the app up. No thread, no network, no database call.

        :raises ConfigError: with every problem that was found.
        """
        if "accrue" in app.extensions:
            raise ConfigError("Accrue is set up for this app already; call init_app once.")
        if "sqlalchemy" not in app.extensions:
            raise ConfigError(
                "Accrue needs Flask-SQLAlchemy, which this app doesn't have yet. Create "
                "SQLAlchemy(app), or call db.init_app(app), before Accrue."
            )
        settings = read_settings(
            app.config, debug=app.debug, testing=app.testing, registered=self._factories
        )
        _bind_tables(app, settings)
        processors = self._make_processors(app, settings)
        fake = processors.get("fake")
        clock: Clock = fake.clock if isinstance(fake, FakeProcessor) else SystemClock()
        state = AccrueState(
            settings=settings,
            db=app.extensions["sqlalchemy"],
            clock=clock,
            processors=processors,
            queue=self._make_queue(app, settings),
            auth=self._auth,
            handlers=self._handlers,
            owner_loader=self._owner_loader,
            customer_linker=self._customer_linker,
            scope_loader=_ambient_scope,
        )
        if settings.ledger_keys_derived and not (settings.debug or settings.testing):
            logger.warning(
                "accrue: the ledger's key is derived from SECRET_KEY. Set ACCRUE_LEDGER_KEYS."
            )
        app.extensions["accrue"] = state
        self._states.add(state)
        state.processor()
        if settings.webhook_path is not None:
            app.register_blueprint(webhooks.blueprint(state))
        _register_pages(app, state)
        app.cli.add_command(cli.group)
        app.add_template_global(entitled_in_template, "entitled")
        user_logged_in.connect(_note_proof, app)
        appcontext_pushed.connect(_hide_tables_from_host, app)

    # -- what the host registers ---------------------------------------------------------------

    def on(self, type: str) -> c.Callable[[F], F]:
        """Call the function after each webhook event of this type (``*``: all) was applied.

        The handler gets ``(event, context)``; it runs at least once an event, in an app context of its
        own, and again until it returns without an error.
        """

        def register(handler: F) -> F:
            self._register(type, handler)
            return handler

        return register

    def _register(self, type: str, handler: Handler) -> None:
        """Add a handler; one that an application factory defines again takes its own old place.

        :raises ConfigError: for another function of the same dotted name: their runs are filed by it.
        """
        name = f"{handler.__module__}.{handler.__qualname__}"
        for place, (known_type, known) in enumerate(self._handlers):
            if f"{known.__module__}.{known.__qualname__}" != name or known is handler:
                continue
            if getattr(known, "__code__", None) is not getattr(handler, "__code__", handler):
                raise ConfigError(
                    f"Two handlers are named {name}. Each one's runs are filed by its name, so give "
                    "them names of their own."
                )
            if known_type == type:
                self._handlers[place] = (type, handler)
                return
        self._handlers.append((type, handler))

    def operator_loader(self, function: c.Callable[[t.Any], bool]) -> c.Callable[[t.Any], bool]:
        """Say who may see the back office: the function gets the user and returns ``True`` or not."""
        if not isinstance(self._auth, FlaskLoginAuth):
            raise ConfigError("This app has an auth adapter of its own: implement is_operator().")
        self._auth.operator_loader = function
        return function

    def owner_loader(self, function: F) -> F:
        """Say whose billing a request is about: the function returns a billable, or ``None``."""
        self._owner_loader = function
        for state in self._states:
            state.owner_loader = function
        return function

    def customer_linker(
        self, function: c.Callable[[objects.Customer], t.Any]
    ) -> c.Callable[[objects.Customer], t.Any]:
        """Say whose a customer is that ``flask accrue sync`` finds at the processor and nowhere here.

        The function gets the customer as the processor tells it, and returns a billable, or ``None`` where
        it can't be sure. It's asked where the metadata name nobody.
        """
        self._customer_linker = function
        for state in self._states:
            state.customer_linker = function
        return function

    def operation(self, id: str) -> contextlib.AbstractContextManager[None]:
        """Give every billing operation inside an id that a retry of the same block has again."""
        return operation(id)

    def register_processor(self, name: str, factory: ProcessorFactory) -> None:
        """Add a processor of the host's own; call it before ``init_app``."""
        self._factories[name] = factory

    # -- the parts -----------------------------------------------------------------------------

    def _make_processors(self, app: Flask, settings: Settings) -> dict[str, Processor]:
        processors: dict[str, Processor] = {
            name: factory(app, settings) for name, factory in self._factories.items()
        }
        if settings.processor == "fake" or settings.fake_store is not None:
            if not (settings.debug or settings.testing):
                logger.warning(
                    "accrue: the Fake is in use outside of debug and testing: no money moves. "
                    "Set ACCRUE_PROCESSOR.%s",
                    ""
                    if settings.shows_simulation
                    else " Nobody has chosen it, so its test cards aren't on the pages.",
                )
            processors["fake"] = FakeProcessor(_fake_store(app, settings))
        if settings.stripe_secret_key is not None or _receives(settings, "stripe"):
            from .processors.stripe import StripeProcessor  # its SDK takes half a second

            processors["stripe"] = StripeProcessor(
                settings.stripe_secret_key,
                publishable_key=settings.stripe_publishable_key,
                api_base=settings.stripe_api_base,
                timeout=settings.stripe_timeout,
            )
        return processors

    def _make_queue(self, app: Flask, settings: Settings) -> Queue:
        if settings.redis_url is None:
            return InProcessQueue()
        # Two apps of one name on one Redis would do each other's work; their databases tell them apart.
        database = str(
            app.config.get("SQLALCHEMY_DATABASE_URI") or app.config.get("SQLALCHEMY_BINDS")
        )
        mark = hashlib.sha256(database.encode()).hexdigest()[:8]
        return RedisQueue(settings.redis_url, f"{app.name}:{mark}")


def _register_pages(app: Flask, state: AccrueState) -> None:
    """Mount the portal and the back office, unless they are switched off, and what both need."""
    app.register_blueprint(assets_blueprint(state))
    if state.settings.portal_path is not None:
        app.register_blueprint(portal_blueprint(state))
    if state.settings.admin_path is not None:
        app.register_blueprint(admin_blueprint(state))


def _ambient_scope() -> Scope | None:
    """Return the scope of operation ids: the request's, in which a client has no say, or the RQ job's,
    whose retry has the same id."""
    if not has_request_context():
        return _job_scope()
    scope = request.environ.get(_SCOPE)
    if scope is None:
        scope = request.environ[_SCOPE] = Scope(uuid.uuid4().hex)
    return t.cast(Scope, scope)


def _job_scope() -> Scope | None:
    job = rq.get_current_job()
    if job is None:
        return None
    # Kept with this try of the job, which counts its operations from the beginning.
    scope = getattr(job, "_accrue_scope", None)
    if scope is None:
        # Repeats and jobs enqueued anew under an id that a host chose are runs of their own; only a retry and
        # what an operator requeues go on where a failed run was.
        made = f"{job.created_at:%Y%m%d%H%M%S%f}"
        name = f"job:{job.id}:{made}:{job.repeats_left or 0}"
        scope = job._accrue_scope = Scope(name)  # type: ignore[attr-defined]
    return t.cast(Scope, scope)


def _hide_tables_from_host(sender: Flask, **_: t.Any) -> None:
    """Keep the host's ``flask db migrate`` from proposing to drop our tables.

    At the first app context, when the host has set everything up, in whatever order.
    """
    appcontext_pushed.disconnect(_hide_tables_from_host, sender)
    migrate = sender.extensions.get("migrate")
    if migrate is None:
        return
    theirs = migrate.configure_args.get("include_name")

    def include_name(name: str | None, type_: str, parents: t.Any) -> bool:
        if type_ == "table" and name is not None and name.startswith("accrue_"):
            return False
        return theirs is None or bool(theirs(name, type_, parents))

    migrate.configure_args["include_name"] = include_name


def _bind_tables(app: Flask, settings: Settings) -> None:
    """Send the tables to the bind that the settings name.

    :raises ConfigError: when another app of this process uses another bind: the tables are shared.
    """
    info = models.Base.metadata.info
    if info.setdefault("accrue_bind", settings.bind_key) != settings.bind_key:
        raise ConfigError(
            f"ACCRUE_BIND_KEY is {settings.bind_key!r}, and another app of this process has set "
            f"{info['accrue_bind']!r}. Apps that share a process share the bind's name."
        )
    if settings.bind_key is not None:
        binds = app.config.get("SQLALCHEMY_BINDS") or {}
        if settings.bind_key not in binds:
            raise ConfigError(
                f"ACCRUE_BIND_KEY is {settings.bind_key!r}, which SQLALCHEMY_BINDS doesn't have. "
                f"It has: {', '.join(map(repr, binds)) or 'none'}."
            )
        info["bind_key"] = settings.bind_key


def _note_proof(sender: Flask, **_: t.Any) -> None:
    """Remember when somebody proved who they are: what can't be undone asks for it."""
    session["accrue_proved_at"] = int(time.time())


def _receives(settings: Settings, processor: str) -> bool:
    """Tell whether there is an endpoint for a processor's webhooks."""
    return any(name.partition("/")[0] == processor for name in settings.webhook_secrets)


def _fake_store(app: Flask, settings: Settings) -> str | None:
    if settings.fake_store is not None:
        return None if settings.fake_store == ":memory:" else settings.fake_store
    if settings.testing:
        return None
    folder = pathlib.Path(app.instance_path)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / "accrue-fake.sqlite")
