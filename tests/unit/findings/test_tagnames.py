"""Tags that are nearly right."""

import pytest

from checker.findings.tagnames import beside


@pytest.mark.parametrize("tag", ["v1.4.2", "V1.4.2", "v.1.4.2", "version-1.4.2", "release_1.4.2", "r1.4.2"])
def test_a_word_before_the_number_is_told(tag: str) -> None:
    assert beside("1.4.2", ("latest", tag)).startswith(
        f" There is {tag} for 1.4.2: to a registry that is another"
    )


def test_capitals_are_told_and_each_tag_with_what_it_may_be_meant_for() -> None:
    told = beside(("1.4", "latest"), ("v1.4", "Latest", "1.4.2"))
    assert told.startswith(" There is v1.4 for 1.4, Latest for latest:")


@pytest.mark.parametrize("tag", ["1.4.2", "1.4.2-slim", "11.4.2", "dev1.4.2", "v1.4.20", "v1x4.2", "1.4"])
def test_other_tags_are_not_taken_for_it(tag: str) -> None:
    assert beside("1.4.2", (tag,)) == ""
