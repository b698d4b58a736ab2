"""CNCF Distribution, plain: no accounts, deletion on, every push and deletion announced.

Notifications go to port 8999 of the registry's own network namespace. Nobody listens there until
`checker.stack.listener` joins that namespace; until then Distribution keeps and repeats them.
"""

from checker.stack import Blueprint

EVENTS_PORT = 8999

ENDPOINT = (
    f"{{name: lab, url: 'http://127.0.0.1:{EVENTS_PORT}/cgi-bin/events', "
    "timeout: 1s, threshold: 3, backoff: 500ms}"
)

BLUEPRINT = Blueprint(
    image="registry",
    port=5000,
    ready="/v2/",
    environment={
        "REGISTRY_STORAGE_DELETE_ENABLED": "true",
        "REGISTRY_HTTP_SECRET": "one-registry-needs-no-shared-secret",
        "REGISTRY_LOG_LEVEL": "warn",
        "OTEL_TRACES_EXPORTER": "none",
        # Distribution reads the value of a whole section as YAML.
        "REGISTRY_NOTIFICATIONS": f"endpoints: [{ENDPOINT}]",
    },
)
