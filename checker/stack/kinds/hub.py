"""A stand-in for Docker Hub: CNCF Distribution behind a token server that speaks Docker Hub's HTTP API.

Runs `checker.services` in its container; see the README there for what it can do and what it cannot.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
import requests

from checker.base.errors import EnvironmentFault, NotShown
from checker.base.pace import scaled
from checker.engine.connection import Engine
from checker.inspect.registry import RegistryClient
from checker.inspect.tokenauth import TokenAuth
from checker.stack import dockerhub
from checker.stack.kind import Kind, Plan, Ready, Run
from checker.stack.operated import TIMEOUT, AccessToken, Delivery, Guarded, Visibility
from checker.stack.running import MAIN, Running
from checker.stack.served import Account, PullLimits, Settings

Repository = dict[str, Any]
"""A repository as the hub's HTTP API describes it."""


class HubView(Guarded):
    """The stand-in. public: its registry as somebody without an account sees it."""

    def __init__(self, engine: Engine, service: Running, key: str) -> None:
        super().__init__(engine, service, key)
        self.public = RegistryClient(service.address, auth=TokenAuth("", ""))

    def deliveries(self) -> list[Delivery]:
        """Return the webhooks that pushes caused, oldest first."""
        return self.ask("/_lab/deliveries", list[Delivery])

    def access_tokens(self) -> list[AccessToken]:
        """Return the access tokens there are, oldest first, without what makes them work."""
        return self.ask("/_lab/access-tokens", list[AccessToken])

    def visibility(self) -> list[Visibility]:
        """When each repository was made, hidden, shown and removed, oldest first."""
        return self.ask("/_lab/visibility", list[Visibility])

    def repository(self, namespace: str, name: str) -> Repository | None:
        """Return a repository's settings; None if there is none of that name."""
        return _repository(f"http://{self.api}", namespace, name, self._key)


class RealHub:
    """Docker Hub itself, or what the learner put in its place, as the learner's own account.

    Raises EnvironmentFault when it does not answer, NotShown for what it tells nobody.
    """

    def __init__(self, engine: Engine, environ: dict[str, str]) -> None:
        self._api = environ[dockerhub.API].rstrip("/")
        self._account, self._token = environ[dockerhub.USERNAME], environ[dockerhub.TOKEN]
        address = dockerhub.address(environ[dockerhub.REGISTRY])
        https = dockerhub.registry_url(environ).startswith("https:")
        self.registry = RegistryClient(
            address,
            architecture=engine.architecture,
            auth=TokenAuth(self._account, self._token, dockerhub.REALMS),
            https=https,
        )
        self.public = RegistryClient(address, auth=TokenAuth("", "", dockerhub.REALMS), https=https)

    def repository(self, namespace: str, name: str) -> Repository | None:
        """Return a repository's settings; None if there is none of that name."""
        body = {"identifier": self._account, "secret": self._token}
        answer = _ask(lambda: requests.post(f"{self._api}/v2/auth/token", json=body, timeout=scaled(TIMEOUT)))
        if answer.status_code != requests.codes.ok:
            raise EnvironmentFault(
                f"The hub does not accept DOCKERHUB_USERNAME and DOCKERHUB_TOKEN ({answer.status_code}).",
                "Make a new access token there and set both.",
            )
        return _repository(self._api, namespace, name, answer.json()["access_token"])

    def log(self) -> NoReturn:
        _not_shown("who signed in with what")

    def events(self, *_: object, **__: object) -> NoReturn:
        _not_shown("who pulled what")

    def deliveries(self) -> NoReturn:
        _not_shown("its deliveries of webhooks")

    def visibility(self) -> NoReturn:
        _not_shown("from when on a repository was private")

    def access_tokens(self) -> NoReturn:
        _not_shown("which access tokens were used")

    def periods(self) -> NoReturn:
        _not_shown("when it ran")


def _not_shown(what: str) -> NoReturn:
    raise NotShown(f"The real hub shows nobody {what}, so this step cannot be judged there.")


def _repository(api: str, namespace: str, name: str, bearer: str) -> Repository | None:
    url = f"{api}/v2/namespaces/{namespace}/repositories/{name}"
    headers = {"Authorization": f"Bearer {bearer}"}
    answer = _ask(lambda: requests.get(url, headers=headers, timeout=scaled(TIMEOUT)))
    if answer.status_code == requests.codes.not_found:
        return None
    if answer.status_code != requests.codes.ok:
        raise EnvironmentFault(f"The hub answered {answer.status_code} for {url}.")
    found = answer.json()
    return found if isinstance(found, dict) else None


def _ask(request: Callable[[], requests.Response]) -> requests.Response:
    try:
        return request()
    except requests.RequestException as error:
        raise EnvironmentFault(f"The hub does not answer ({error}).", "Run `lab start` again.") from error


API = "api"


class HubOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """accounts: who has one. anonymous, authenticated: pulls allowed within `window` seconds, per
    address or account."""

    accounts: list[Account] = []
    anonymous: int = 100
    authenticated: int = 200
    window: int = 21600


def _plan(name: str, options: HubOptions, run: Run) -> Plan:
    settings = Settings(
        registry=run.addresses[name][MAIN],
        api=run.addresses[name][API],
        alias=name,
        operator=run.keys[name],
        accounts=options.accounts,
        limits=PullLimits(options.anonymous, options.authenticated, options.window),
    )
    return Plan(command=("hub",), files=settings.files(), network=True)


def _view(engine: Engine, service: Running, key: str) -> HubView:
    return HubView(engine, service, key)


def _real(engine: Engine) -> RealHub:
    environ = dockerhub.environment()
    if missing := [name for name in (dockerhub.USERNAME, dockerhub.TOKEN) if not environ.get(name)]:
        raise EnvironmentFault(
            f"This practice was started with the real hub, and {' and '.join(missing)} is not set now.",
            "Set it again, or `lab stop` and `lab start` without it to use the stand-in.",
        )
    return RealHub(engine, environ)


KIND = Kind(
    image="services",
    ports={MAIN: 5000, API: 8000},
    ready=Ready(path="/health", port=API),
    options=HubOptions,
    keyed=True,
    registry_url=dockerhub.registry_url,
    plan=_plan,
    view=_view,
    real=_real,
)
