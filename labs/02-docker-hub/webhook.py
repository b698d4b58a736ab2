"""Whether a hub's webhook told a receiver of a push, by what both of them kept; a finding if it did not."""

from typing import NoReturn

import msgspec

from checker.base.deadline import soon
from checker.check import fail
from checker.findings.hub import listed
from checker.stack.kinds.events import EventsView
from checker.stack.kinds.hub import HubView, RealHub
from checker.stack.operated import Delivery

HEADER = "x-delivery-id"


class Hook(msgspec.Struct, frozen=True):
    """What should have happened: the push of a tag by `pusher` was told to the receiver under a name."""

    hub: HubView | RealHub
    inbox: EventsView
    repository: str
    tag: str
    pusher: str
    name: str

    def told(self, within: float) -> bool:
        """Return whether it was; waits so many seconds for what is on its way.

        Anybody can post to a receiver. So the hub has to know the delivery, by the id that it carries.
        """
        soon(self._settled, within)
        sent = {entry.id for entry in self._sent() if entry.delivered}
        return any(
            entry.headers.get(HEADER) in sent and self._describes(entry.body)
            for entry in self.inbox.received(self.name)
        )

    def explain(self, wanted: str) -> NoReturn:
        """Say why not. wanted: the address that the webhook should have."""
        if sent := self._sent():
            self._lost(sent[-1], wanted)
        others = sorted({entry.repository for entry in self.hub.deliveries()} - {self.repository})
        fail(
            "webhook-did-not-fire",
            expected=f"The push of {self.repository}:{self.tag} set off a webhook.",
            observed="The hub had nobody to tell of it"
            + (f"; it told of pushes to {listed(others)}." if others else "."),
            action=f"Make the webhook in {self.repository}, and push after that: it hears of nothing before.",
        )

    def _sent(self) -> list[Delivery]:
        return [e for e in self.hub.deliveries() if (e.repository, e.tag) == (self.repository, self.tag)]

    def _settled(self) -> bool:
        """Return whether each delivery was taken, or refused twice."""
        return all(entry.delivered or len(entry.attempts) > 1 for entry in self._sent())

    def _describes(self, body: object) -> bool:
        """Return whether it is the payload for this push (Docker Hub, "Webhooks", example payload)."""
        push = body.get("push_data") if isinstance(body, dict) else None
        about = body.get("repository") if isinstance(body, dict) else None
        return (
            isinstance(push, dict)
            and isinstance(about, dict)
            and (push.get("tag"), push.get("pusher")) == (self.tag, self.pusher)
            and about.get("repo_name") == self.repository
        )

    def _lost(self, last: Delivery, wanted: str) -> NoReturn:
        """Say where the hub sent it instead, and what came of that."""
        expected = f"The webhook's address is {wanted}, and what is sent there arrives."
        if last.delivered:
            received = self.inbox.received()
            arrived = next((entry.name for entry in received if entry.headers.get(HEADER) == last.id), None)
            fail(
                "webhook-elsewhere",
                expected=expected,
                observed=f"It was sent to {last.hook_url}"
                + (
                    f" and arrived under the name {arrived}." if arrived else ", where somebody else took it."
                ),
                action="Use $RECEIVER_URL as it is. Remove the other webhook, and push again.",
            )
        status = last.attempts[-1].status if last.attempts else 0
        fail(
            "webhook-not-delivered",
            expected=expected,
            observed=f"The hub tried {last.hook_url} {len(last.attempts)} times; at last "
            + (f"the answer was {status}." if status else "nobody answered there."),
            action="The hub calls, and for it 127.0.0.1 is itself. Use $RECEIVER_URL, and push again.",
        )
