"""Foreign text is shown, and never obeyed."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from checker.base.plain import LINE_LIMIT, plain, plain_line, tail, unsafe_as_json, without_surrogates


def test_colours_titles_and_links_are_dropped_and_their_words_stay() -> None:
    assert plain("\x1b[1;31mred\x1b[0m \x9b32mgreen") == "red green"
    assert plain("\x1b]8;;http://x\x07text\x1b]8;;\x1b\\") == "text"
    assert plain("\x1b]0;title\x9crest") == "rest"


def test_what_is_not_a_whole_sequence_is_shown() -> None:
    assert plain("\x1b]0;never ended") == "\\x1b]0;never ended"
    assert plain("\x1b\x1b[0m[31mnested") == "\\x1b[31mnested"


def test_other_controls_and_invisible_characters_are_shown_as_escapes() -> None:
    assert plain("a\x00b\x7fc\x85d") == "a\\x00b\\x7fc\\x85d"
    assert plain("\u202egnp.exe\udc80\U000e0041\ufeff") == "\\u202egnp.exe\\udc80\\U000e0041\\ufeff"


def test_ordinary_text_is_left_alone() -> None:
    text = "Zoë said: ключ, 鍵, مفتاح, 🐳 and\n\ttabs \\x00"
    assert plain(text) == text


def test_carriage_returns_hide_nothing() -> None:
    assert plain("windows\r\nlines\r") == "windows\nlines\n"
    assert plain("failed\rpassed") == "failed\npassed"


def test_one_line_is_one_line() -> None:
    assert plain_line(" a\r\n\n b\t\u2028c ") == "a b \\u2028c"


def test_tail_says_what_it_left_out() -> None:
    assert tail("a\nb\n", 2) == "a\nb"
    assert tail("a\nb\nc\n", 2) == "... 1 earlier line left out\nb\nc"
    assert tail("a\nb\nc\nd", 1) == "... 3 earlier lines left out\nd"
    assert len(tail("x" * 10_000, 1)) == LINE_LIMIT + 4


def test_surrogates_are_replaced_and_pairs_are_joined() -> None:
    assert without_surrogates("a\udc80b") == "a\ufffdb"
    assert without_surrogates("\ud83d\udc33 🐳") == "🐳 🐳"


def test_json_escapes_use_surrogate_pairs_outside_the_first_plane() -> None:
    assert unsafe_as_json('"\U000e0041\u202e\x7f"') == '"\\udb40\\udc41\\u202e\\u007f"'


@given(st.text())
def test_nothing_unprintable_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    shown = plain(text)
    assert plain(shown) == shown
    shown.encode()
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\n\t"]
