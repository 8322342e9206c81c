"""One module a revision; a revision never imports a model."""
