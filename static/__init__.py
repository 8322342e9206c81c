"""Stylesheets, scripts and pictures; installed as ``flask_accrue.static``."""
