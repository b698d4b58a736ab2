"""Rosters as learning platforms and spreadsheets save them: no row is lost, and what cannot be read is told."""

from pathlib import Path

import pytest

from checker.base.errors import ExitCode, UsageError
from checker.grading.intake import roster
from checker.grading.intake.columns import columns
from checker.grading.intake.roster import Roster
from tests.helpers import Command, TinyLab


def read(tmp_path: Path, text: str | bytes) -> Roster:
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return roster.read(path)


def rows(people: Roster) -> list[tuple[str, str, str, str]]:
    return [(one.identifier, one.name, one.email, one.login) for one in people.people]


JOERG = ("007", "Jörg Müller", "j@x.example", "")


@pytest.mark.parametrize(
    "head",
    [
        "First name,Last name,ID number,Email address",
        "First name,Surname,ID number,Email address",
        "Vorname,Nachname,ID-Nummer,E-Mail-Adresse",
        "Vorname,Name,Matr.-Nr.,E-Mail",
        "Prénom,Nom,Numéro d'identification,Adresse de courriel",
        "Prénom,Nom de famille,Numéro d’identification,Adresse e-mail",
        "Nombre,Apellido(s),Número de ID,Dirección de correo",
        "Nombre,Apellidos,Número ID,Correo electrónico",
        "Nome,Cognome,Codice identificativo,Indirizzo email",
        "Nome,Apelido,Número de identificação,Endereço de e-mail",
        "Voornaam,Achternaam,ID-nummer,E-mailadres",
        "Förnamn,Efternamn,ID-nummer,E-postadress",
        "Fornavn,Efternavn,ID-nummer,E-mailadresse",
        "Imię,Nazwisko,Numer ID,Adres e-mail",
        "Etunimi,Sukunimi,ID-numero,Sähköpostiosoite",
        "Имя,Фамилия,Индивидуальный номер,Адрес электронной почты",
        "Křestní jméno,Příjmení,ID číslo,E-mailová adresa",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_moodles_columns_are_known_in_its_languages(
    tmp_path: Path, head: str, encoding: str, separator: str
) -> None:
    text = f"{head}\r\nJörg,Müller,007,j@x.example\r\n".replace(",", separator)

    assert rows(read(tmp_path, text.encode(encoding))) == [JOERG]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_what_excel_saves_is_read(tmp_path: Path, encoding: str) -> None:
    text = 'sep=;\r\n"ID-Nummer";"Vorname";"Nachname";"E-Mail-Adresse"\r\n007;Jörg;Müller;j@x.example\r\n'

    assert rows(read(tmp_path, text.encode(encoding))) == [JOERG]


@pytest.mark.parametrize(
    ("head", "row", "person"),
    [
        (
            "Identifier,Full name,Email address",
            "Participant 7,Ada L,a@x",
            ("Participant 7", "Ada L", "a@x", ""),
        ),
        (
            "ID,Vollständiger Name,E-Mail-Adresse",
            "Teilnehmer/in7,Ada L,a@x",
            ("Teilnehmer/in7", "Ada L", "a@x", ""),
        ),
        (
            "OrgDefinedId,Username,Last Name,First Name,Email,#",
            "#007,#ada,L,Ada,a@x,#",
            ("007", "Ada L", "a@x", "ada"),
        ),
        ("Last Name,First Name,Username,Student ID", "L,Ada,ada01,007", ("007", "Ada L", "", "ada01")),
        ("identifier,github_username,github_id,name", "007,@ada-l,99,Ada L", ("007", "Ada L", "", "ada-l")),
        ("Name,SID,Email,Role", "Ada L,007,a@x,Student", ("007", "Ada L", "a@x", "")),
        ("Matr.-Nr.;Name;Vorname", "007;L;Ada", ("007", "Ada L", "", "")),
        ("Name;Vorname;Nachname", "x;Ada;L", ("x", "x", "", "")),
        ("Nr;Name", "1;Ada L", ("1", "Ada L", "", "")),
        ("Student;SIS Login ID", '"L, Ada";ada', ("ada", "L, Ada", "", "ada")),
        ('"Last, First";"ID"', '"L, Ada";7', ("7", "", "", "")),
        ("name", "Ada L", ("Ada L", "Ada L", "", "")),
    ],
)
def test_columns_of_platforms_and_people_are_known(
    tmp_path: Path, head: str, row: str, person: tuple[str, str, str, str]
) -> None:
    assert rows(read(tmp_path, f"{head}\n{row}\n")) == [person]


def test_a_column_called_name_is_the_other_half_of_a_name() -> None:
    assert columns(["Name", "Vorname"]) == {"last": 0, "first": 1}
    assert columns(["Nombre", "Apellidos"]) == {"first": 0, "last": 1}
    assert columns(["Full name", "First name"]) == {"name": 0, "first": 1}
    assert columns(["Name"]) == {"name": 0}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('identifier,name\n1,"Ada\n2,Bea\n3,Cyn\n', 2),
        ('identifier,name\n1,"Ada\n2,"Bea"\n3,Cyn\n', 2),
        ('identifier,name\n1,Ada\n2,"Bea\n3,Cyn"\n4,Dan\n', 3),
        ('identifier,name\n1,Ada\n\n2,"Bea ""B"" B\n', 4),
        ('identifier;name\n1;"Ada\n2;"Bea\n', 2),
        ('identifier,name\r\n"1,Ada\r\n2,Bea\r\n', 2),
        ('"identifier,name\n1,Ada\n', 1),
        ('sep=,\nidentifier,name\n1,"Ada\n', 3),
        ('name\n"Ada\nBea\n', 2),
    ],
)
def test_a_quote_that_never_closes_is_wrong_use_and_loses_nobody(
    tmp_path: Path, text: str, line: int
) -> None:
    with pytest.raises(UsageError, match=f"a quote that opens in line {line} is never closed") as raised:
        read(tmp_path, text)
    assert raised.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    "text",
    [
        'identifier,name,note\n1,"Ada\nL",x\n2,Bea,\n',
        'identifier,name\n1,"Ada ""the first"" L"\n2,"Bea, B"\n',
        'identifier,name\n1,Ada "the first" L\n2,Bea\'s\n',
        'identifier, name\n"1", "Ada, L"\n2, Bea\n',
    ],
)
def test_quotes_that_close_are_read(tmp_path: Path, text: str) -> None:
    assert [one.identifier for one in read(tmp_path, text).people] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("identifier,name,email\n1,Lovelace, Ada,a@x\n", "more cells in row 2"),
        ("identifier,name,group\n1,Ada,x\n,,y\n", "does not say who row 3 is"),
        ("identifier,name\n1,Ada\n\n1,Bea\n", "has 1 twice, the second time in row 4"),
    ],
)
def test_a_row_that_would_be_lost_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read(tmp_path, text)


def test_empty_rows_and_columns_of_a_spreadsheet_are_no_people(tmp_path: Path) -> None:
    assert len(read(tmp_path, "identifier,name,,\n1,Ada,,\n,,,\n2,Bea,,,,\n").people) == 2


# The command


@pytest.fixture
def command(tiny: TinyLab, tmp_path: Path) -> Command:
    command = Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")
    (command.home / "class/ada/steps").mkdir(parents=True)
    (command.home / "class/ada/steps/push.sh").write_text("echo mine\n")
    return command


def test_the_command_ends_as_wrong_use_over_a_roster_or_a_due_time(command: Command) -> None:
    (command.home / "class.csv").write_text('identifier,name\n1,"Ada\n2,Bea\n3,Cyn\n')

    for options, told in (
        (["--roster", "class.csv"], "opens in line 2 is never closed"),
        (["--due", "2026-01-31T23.59"], "2026-01-31T23:59:00+01:00"),
    ):
        done = command("grade", *options, "class")

        assert done.code == 2
        assert told in " ".join(done.err.split())


def test_what_is_not_graded_is_said_but_not_the_roster(command: Command) -> None:
    (command.home / "class/class.csv").write_text("identifier\nada\n")
    (command.home / "class/readme.txt").write_text("for tutors")

    done = command("grade", "--roster", "class/class.csv", "class")

    said = " ".join(done.err.split())
    assert "Not graded: class/readme.txt" in said
    assert "class.csv" not in said
