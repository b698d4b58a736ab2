"""A shop window: says hello on port 8080."""

import os
import pathlib

import waitress

GREETING = pathlib.Path(__file__).with_name("greeting.txt").read_text().strip()
PAGE = f"<h1>{GREETING}</h1>\n<p>Version {os.environ.get('VERSION', 'unknown')}</p>\n".encode()


def window(_environment, start_response):
    start_response(
        "200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(PAGE)))]
    )
    return [PAGE]


waitress.serve(window, listen="*:8080")
