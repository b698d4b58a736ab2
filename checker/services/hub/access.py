"""Finding the repository that a call is about, and whether the caller may do that to it."""

from checker.services.credentials import Caller
from checker.services.hub.repositories import HubRepository, Repositories, reach
from checker.services.hub.sessions import Sessions
from checker.services.web import Call, Problem


class HubAccess:
    """What the calls about repositories share."""

    def __init__(self, sessions: Sessions, repositories: Repositories) -> None:
        self.sessions, self.repositories = sessions, repositories

    def readable(self, call: Call) -> tuple[Caller, HubRepository]:
        """Return who calls and the repository in the path. Raises Problem 404 for one that is not theirs to
        see.
        """
        caller = self.sessions.perhaps(call)
        return caller, self._seen(caller, call)

    def owned(self, call: Call, action: str = "delete") -> tuple[Caller, HubRepository]:
        """Return them if the caller may change the repository. action: what an access token has to allow for
        it.

        Raises Problem 401 without a session, 404 for what is not theirs to see, 403 for what is not theirs
        to change.
        """
        caller = self.sessions.caller(call)
        repository = self._seen(caller, call)
        if caller.account != repository.namespace:
            raise Problem(403, "This repository belongs to somebody else.")
        if action not in reach(caller):
            raise Problem(403, "The scopes of this access token do not reach so far.")
        return caller, repository

    def _seen(self, caller: Caller, call: Call) -> HubRepository:
        found = self.repositories.find(call.path["namespace"], call.path["repository"])
        if found is None or not self.repositories.visible(caller, found):
            raise Problem(404, "There is no such repository.")
        return found
