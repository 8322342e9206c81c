"""Install a wheel into a clean environment and look at the example's first page from there."""

from __future__ import annotations

import html.parser
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import venv
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent / "example"
SENTENCE = "Know which way the tide is turning."
SECONDS = 30


class Stylesheets(html.parser.HTMLParser):
    """Collects the addresses of a page's stylesheets."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of each ``<link rel="stylesheet">``."""
        found = dict(attrs)
        if tag == "link" and found.get("rel") == "stylesheet" and found.get("href"):
            self.addresses.append(str(found["href"]))


def get(address: str) -> tuple[str, str]:
    """Return the body and the media type of what must be there."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode(), answer.headers.get_content_type()


def check_first_page(origin: str) -> None:
    """Check what a visitor sees first."""
    page, kind = get(f"{origin}/")
    assert kind == "text/html", kind
    assert SENTENCE in page, f"the first page doesn't say {SENTENCE!r}:\n{page[:2000]}"
    addresses = Stylesheets(page).addresses
    assert addresses, "the first page has no stylesheet"
    for address in addresses:
        styles, kind = get(urllib.parse.urljoin(f"{origin}/", address))
        assert kind == "text/css", (address, kind)
        assert "{" in styles, f"{address} is empty"
    print(f"{origin}/ and {', '.join(addresses)}: served from the wheel")


def main(wheel: Path) -> None:
    """Do it all in a folder that is not the checkout."""
    with tempfile.TemporaryDirectory(prefix="accrue-wheel-") as name:
        place = Path(name)
        shutil.copytree(EXAMPLE, place / "example", ignore=shutil.ignore_patterns("instance"))
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / "bin" / "python"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FLASK"))}

        def run(*arguments: str | Path) -> None:
            subprocess.run([python, "-m", *arguments], cwd=place, env=environment, check=True)

        run("pip", "install", "--quiet", "--disable-pip-version-check", wheel.resolve())
        flask = ("flask", "--app", "example")
        run(*flask, "accrue", "db", "upgrade")
        run(*flask, "seed")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            [python, "-m", *flask, "run", "--port", str(port)], cwd=place, env=environment
        )
        try:
            origin = f"http://127.0.0.1:{port}"
            wait_for(origin, server)
            check_first_page(origin)
        finally:
            server.terminate()
            server.wait(10)


def wait_for(origin: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers, whatever it answers."""
    deadline = time.monotonic() + SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            get(f"{origin}/")
        except urllib.error.HTTPError:
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the example didn't answer within {SECONDS} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
