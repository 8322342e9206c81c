"""Where a page may lead: paths of the app, its own host and listed ones, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flask_accrue.config.checks import PORTAL_WORDS
from flask_accrue.pages import safe_target

if TYPE_CHECKING:
    from flask import Flask

pytestmark = pytest.mark.only("sqlite")

GOOD = [
    "/",
    "/settings/billing?tab=cards#top",
    "/a//b",
    "/%2f%2fevil.example",
    "https://app.host.example/done",
    "https://APP.HOST.EXAMPLE/done",
    "https://www.host.example/",
    "https://www.host.example",
]
BAD = [
    "",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "/ok\r\nSet-Cookie: a=b",
    "/\x00/evil.example",
    "\x01https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "https://evil.example",
    "http://app.host.example/",
    "https://app.host.example@evil.example/",
    "https://evil.example@app.host.example/",
    "https://user:password@app.host.example/",
    "https://app.host.example:8443/",
    "https://app.host.example:x/",
    "https://app.host.example.evil.example/",
    "https://app.host.example\\.evil.example/",
    "https://evil.example#app.host.example",
    "https://evil.example?app.host.example",
    "https://[::1",
    "https://app\u3002host.example/",
    "https://\u0430pp.host.example/",
    "javascript:alert(1)",
    "JavaScript://app.host.example/%0aalert(1)",
    "data:text/html,x",
    "ftp://app.host.example/",
    "evil.example",
    "?next=//evil.example",
    "#x",
    "mailto:a@b.example",
]


def test_a_local_path_and_a_listed_host_are_allowed(app: Flask) -> None:
    with app.test_request_context(base_url="https://www.host.example"):
        assert [safe_target(target) for target in GOOD] == GOOD


def test_nothing_else_is(app: Flask) -> None:
    with app.test_request_context(base_url="https://www.host.example"):
        assert {target: safe_target(target) for target in BAD} == dict.fromkeys(BAD)
        assert safe_target(None) is None


def test_a_page_without_tls_may_lead_to_one_of_its_own_without_it(app: Flask) -> None:
    with app.test_request_context(base_url="http://127.0.0.1:5000"):
        assert safe_target("http://127.0.0.1:5000/done") is not None
        assert safe_target("http://127.0.0.1:5001/done") is None
        assert safe_target("https://app.host.example/done") is not None


def test_every_word_that_its_pages_begin_with_is_kept_from_other_paths(app: Flask) -> None:
    below = {
        rule.rule.removeprefix("/billing/").partition("/")[0]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in ("accrue_portal", "accrue")
    }

    assert below == PORTAL_WORDS
