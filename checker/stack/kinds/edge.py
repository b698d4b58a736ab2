"""nginx in front of a registry that nobody can reach otherwise, and the place where access logs are taken.

The registry is a service of kind `registry` with `internal = true`: it is on a network without a way
out and publishes nothing. nginx is on that network and on an ordinary one.
"""

import msgspec

from checker.engine.connection import Engine, engine_calls
from checker.inspect.registry import RegistryClient
from checker.stack.kind import Kind, Plan, Ready, Run
from checker.stack.running import MAIN, Running


class AccessLogLine(msgspec.Struct, frozen=True):
    """One line of the access log. at: ISO 8601; sent: bytes of the body; seconds: until it was sent."""

    at: str
    address: str
    account: str
    method: str
    uri: str
    status: int
    sent: int
    seconds: float
    user_agent: str


class Edge:
    def __init__(self, engine: Engine, service: Running) -> None:
        self.service = service
        self.registry = RegistryClient(service.address, architecture=engine.architecture)
        self._engine = engine

    def requests(self) -> list[AccessLogLine]:
        """Return what was asked of it, oldest first; lines that are no access log are left out."""
        with engine_calls():
            log = self._engine.client.api.logs(self.service.container, stdout=True, stderr=False)
        lines = (line for line in log.splitlines() if line.startswith(b"{"))
        return [msgspec.json.decode(line, type=AccessLogLine) for line in lines]


class EdgeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """of: the registry behind it."""

    of: str


CONFIG = """\
log_format registry_lab escape=json
    '{"at":"$time_iso8601","address":"$remote_addr","account":"$remote_user","method":"$request_method",'
    '"uri":"$request_uri","status":$status,"sent":$body_bytes_sent,"seconds":$request_time,'
    '"user_agent":"$http_user_agent"}';

server {
    listen 80;
    access_log /dev/stdout registry_lab;
    # By a variable, so that the name is looked up when it is needed: nginx may start before the registry.
    resolver 127.0.0.11 valid=5s ipv6=off;
    set $upstream http://UPSTREAM:5000;
    client_max_body_size 0;
    chunked_transfer_encoding on;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_read_timeout 300s;

    location / {
        return 404;
    }
    location /v2/ {
        proxy_pass $upstream;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
"""


def _plan(_name: str, options: EdgeOptions, _run: Run) -> Plan:
    config = CONFIG.replace("UPSTREAM", options.of).encode()
    return Plan(
        files={"/etc/nginx/conf.d/default.conf": config}, network=True, inside=True, after=(options.of,)
    )


def _view(engine: Engine, service: Running, _key: str) -> Edge:
    return Edge(engine, service)


KIND = Kind(
    image="nginx",
    ports={MAIN: 80},
    ready=Ready(path="/v2/", statuses=(200, 401)),
    options=EdgeOptions,
    plan=_plan,
    view=_view,
)
