"""Flask-Accrue's own migration history; installed as ``flask_accrue.migrations``."""
