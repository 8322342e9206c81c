"""Pages, mails and documents; installed as ``flask_accrue.templates``."""
