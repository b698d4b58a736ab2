"""How long a chain of certificates lasts, and which of them ends first."""

from chains import first_to_end
from tests.certificates import DAY, NOW, Pair

ROOT = Pair("root", ca=True, ends=NOW + 300 * DAY)


def ending_first(sent: list[Pair], trusted: list[Pair]) -> str:
    """The name of the certificate that ends first; empty if there is no chain."""
    found = first_to_end("".join(pair.pem for pair in sent), "".join(pair.pem for pair in trusted))
    return found.subject.removeprefix("CN=") if found else ""


def test_a_server_that_ends_before_its_authority_is_the_first_to_end() -> None:
    assert ending_first([Pair("server", ROOT, ends=NOW + 60 * DAY)], [ROOT]) == "server"


def test_an_authority_that_ends_before_what_it_issued_is_found() -> None:
    short = Pair("short", ca=True, ends=NOW + 3 * DAY)
    assert ending_first([Pair("server", short, ends=NOW + 60 * DAY)], [short]) == "short"


def test_an_authority_in_between_counts_too() -> None:
    between = Pair("between", ROOT, ca=True, ends=NOW + 7 * DAY)
    server = Pair("server", between, ends=NOW + 60 * DAY)
    assert ending_first([server, between], [ROOT]) == "between"
    assert ending_first([server], [ROOT, between]) == "between"


def test_of_two_chains_the_one_that_lasts_longer_counts() -> None:
    long = Pair("between", ROOT, ca=True, ends=NOW + 200 * DAY)
    short = Pair("between", ROOT, ca=True, ends=NOW + 7 * DAY, key=long.key)
    server = Pair("server", long, ends=NOW + 60 * DAY)
    assert ending_first([server, short, long], [ROOT]) == "server"


def test_an_authority_that_has_nothing_to_do_with_it_does_not_count() -> None:
    other = Pair("other", ca=True, ends=NOW + DAY)
    assert ending_first([Pair("server", ROOT, ends=NOW + 60 * DAY)], [other, ROOT]) == "server"


def test_where_no_chain_leads_to_an_authority_nothing_is_said() -> None:
    assert ending_first([Pair("server", ROOT)], [Pair("other", ca=True)]) == ""
    assert first_to_end("no certificate", ROOT.pem) is None


def test_many_certificates_that_signed_each_other_take_no_time() -> None:
    first = Pair("same", ca=True, ends=NOW + 300 * DAY)
    many = [Pair("same", ca=True, ends=NOW + (9 + n) * DAY, key=first.key) for n in range(40)]
    assert ending_first([Pair("server", first, ends=NOW + 5 * DAY), *many], [first]) in ("server", "")
