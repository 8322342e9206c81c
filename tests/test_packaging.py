"""That what is in the checkout is what a host installs."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from flask_accrue import resources

ROOT = Path(__file__).parent.parent


@pytest.fixture
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def listed_packages(setup_cfg: configparser.ConfigParser) -> dict[str, Path]:
    """Return each package that setup.cfg names, with the folder that it is built from."""
    mapping = dict(
        line.replace(" ", "").split("=")
        for line in setup_cfg["options"]["package_dir"].strip().splitlines()
    )
    return {
        package: ROOT / mapping.get(package, package.replace(".", "/"))
        for package in setup_cfg["options"]["packages"].split()
    }


def test_every_package_folder_is_listed(setup_cfg: configparser.ConfigParser) -> None:
    listed = set(listed_packages(setup_cfg).values())
    found = {file.parent for file in (ROOT / "flask_accrue").rglob("*.py")}
    found |= {file.parent for file in (ROOT / "migrations").rglob("*.py")}

    missing = sorted(str(folder.relative_to(ROOT)) for folder in found - listed)

    assert not missing, f"setup.cfg, [options] packages, doesn't list {', '.join(missing)}"


def test_every_listed_package_exists(setup_cfg: configparser.ConfigParser) -> None:
    gone = [
        package
        for package, folder in listed_packages(setup_cfg).items()
        if not (folder / "__init__.py").is_file()
    ]

    assert not gone, f"setup.cfg lists what has no __init__.py: {', '.join(gone)}"


@pytest.mark.parametrize(
    "package",
    ["flask_accrue", "flask_accrue.static", "flask_accrue.templates", "flask_accrue.migrations"],
)
def test_every_file_that_is_not_python_is_package_data(
    setup_cfg: configparser.ConfigParser, package: str
) -> None:
    folder = listed_packages(setup_cfg)[package]
    patterns = setup_cfg["options.package_data"][package].replace(",", " ").split()
    packed = {file for pattern in patterns for file in folder.glob(pattern)}
    found = {
        file
        for file in folder.rglob("*")
        if file.is_file() and file.suffix not in {".py", ".pyc", ".pyo"}
    }

    forgotten = sorted(str(file.relative_to(ROOT)) for file in found - packed)

    assert not forgotten, f"a wheel would come without {', '.join(forgotten)}"


@pytest.mark.parametrize("name", ["templates", "static", "migrations"])
def test_the_folders_are_found_in_a_checkout(name: str) -> None:
    assert resources.folder(name) == ROOT / name  # type: ignore[arg-type]


def test_the_folders_are_found_inside_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "flask_accrue"
    for folder in (package / "static", package.parent / "static"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))

    assert resources.folder("static") == package / "static"


def test_a_missing_folder_is_named_with_both_places_and_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "templates").mkdir()  # somebody else's: it lacks our marker
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "flask_accrue" / "resources.py"))

    with pytest.raises(FileNotFoundError) as caught:
        resources.folder("templates")

    assert str(tmp_path / "flask_accrue" / "templates") in str(caught.value)
    assert "pip install --force-reinstall" in str(caught.value)
