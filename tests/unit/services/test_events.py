"""Mode events: each event once, in order, also after a restart; webhooks kept as they came."""

import asyncio
import json
from pathlib import Path
from typing import Any

from checker.services.notifications import Announced, Events
from checker.services.store import ServiceStore
from tests.unit.services.inside import OPERATOR, Distribution, Lab, Sent, lab


def announced(*ids: str) -> dict[str, Any]:
    return {
        "events": [{"id": each, "action": "pull", "target": {"repository": "a", "tag": each}} for each in ids]
    }


def ids(collector: Lab, after: int = 0) -> list[str]:
    answer = collector.api.get("/_lab/events", params={"after": after}, headers=OPERATOR)
    return [event["id"] for event in answer.json()]


def test_an_event_that_comes_again_is_kept_once(tmp_path: Path) -> None:
    collector = lab("events", tmp_path)
    for batch in (("1", "2"), ("2", "3"), ("1",)):
        assert collector.api.post("/notifications", json=announced(*batch)).status_code == 200
    assert ids(collector) == ["1", "2", "3"]
    assert ids(collector, after=2) == ["3"]


def test_events_outlive_the_process(tmp_path: Path) -> None:
    first = lab("events", tmp_path)
    first.api.post("/notifications", json=announced("1"))
    first.store.close()
    again = lab("events", tmp_path)
    again.api.post("/notifications", json=announced("1", "2"))
    assert ids(again) == ["1", "2"]


def test_who_waits_gets_the_next_event_as_soon_as_it_comes(tmp_path: Path) -> None:
    async def story() -> list[str]:
        events = Events(ServiceStore(tmp_path))
        waiting = asyncio.create_task(events.after(0, 30))
        await asyncio.sleep(0)
        events.keep([Announced("1", "push")])
        return [event.id for event in await waiting]

    assert asyncio.run(asyncio.wait_for(story(), 20)) == ["1"]


def test_what_the_registry_has_not_told_yet_is_waited_for(tmp_path: Path) -> None:
    roles = lab("roles", tmp_path)
    pending = [2, 1, 0]

    def counting(sent: Sent) -> tuple[int, dict[str, str], bytes]:
        left = pending.pop(0)
        if left == 0 and roles.service.events:
            roles.service.events.keep([Announced("late", "push")])
        endpoint = {"Metrics": {"Pending": left}}
        return 200, {}, json.dumps({"registry": {"notifications": {"endpoints": [endpoint]}}}).encode()

    assert roles.service.backend is not None
    roles.service.backend.pool = Distribution(counting)  # type: ignore[assignment]
    assert ids(roles) == ["late"]
    assert pending == []


def test_who_waits_is_sent_away_when_the_service_ends(tmp_path: Path) -> None:
    async def story() -> int:
        events = Events(ServiceStore(tmp_path))
        waiting = asyncio.create_task(events.after(0, 30))
        await asyncio.sleep(0)
        events.close()
        return len(await waiting)

    assert asyncio.run(asyncio.wait_for(story(), 20)) == 0


def test_something_that_is_no_notification_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    collector = lab("events", tmp_path)
    assert collector.api.post("/notifications", json={"events": [{"id": 1}]}).status_code == 400
    assert collector.api.post("/notifications", content=b"\xff{").status_code == 400
    assert ids(collector) == []


def test_a_webhook_is_kept_with_its_headers_and_fails_as_often_as_told(tmp_path: Path) -> None:
    collector = lab("events", tmp_path, hooks_fail={"slow": 2})
    statuses = [
        collector.api.post("/hooks/slow", json={"n": n}, headers={"X-Delivery-Id": "d"}).status_code
        for n in range(3)
    ]
    assert statuses == [500, 500, 200]
    kept = collector.api.get("/hooks/slow").json()
    assert [(each["body"], each["status"]) for each in kept] == [
        ({"n": 0}, 500),
        ({"n": 1}, 500),
        ({"n": 2}, 200),
    ]
    assert {each["headers"]["x-delivery-id"] for each in kept} == {"d"}
    assert collector.api.get("/hooks/other").json() == []
    assert len(collector.api.get("/_lab/hooks", headers=OPERATOR).json()) == 3
    assert collector.api.get("/_lab/hooks").status_code == 401
