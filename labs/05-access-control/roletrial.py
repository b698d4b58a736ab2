"""A server on trial that goes by a learner's file of roles, with accounts of its own for every role."""

from collections.abc import Iterable, Sequence
from secrets import token_hex

from checker.base.model import Service
from checker.stack.operated import OPERATOR
from checker.stack.trials import Trials
from rolematrix import Matrix, Row, Tried

NOBODY = "nobody"
"""Who has an account there, and no role."""


class RoleTrial:
    """accounts: role -> name and password. operator: who may do everything. address, api: its own."""

    def __init__(self, trials: Trials, file: str, roles: Iterable[str]) -> None:
        """file: that of the roles, in the workspace. Raises what `Trials.start` raises."""
        self.accounts = {role: (f"trial-{role}", token_hex(16)) for role in (*roles, NOBODY)}
        accounts = [
            {"username": name, "password": password, "role": "" if role == NOBODY else role}
            for role, (name, password) in self.accounts.items()
        ]
        wanted = Service(name="roles", kind="roles", options={"file": file, "accounts": accounts})
        stack = trials.start(wanted).stack
        self.operator = OPERATOR, stack.keys["roles"]
        self.address = stack.services["roles"].address
        self.api = stack.services["roles"].address_of("api")
        self._matrix = Matrix(self.address, self.accounts, self.operator)

    def wrong(self, wanted: Sequence[Row]) -> list[Tried]:
        """Return the rows that are not as they should be; all are tried for real."""
        return [tried for tried in self._matrix.try_rows(wanted) if not tried.right]
