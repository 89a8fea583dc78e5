"""The REST interface, one resource per file; `web.app` lists them in the order of chapters."""
