"""What the columns of a roster are called: by learning platforms in their languages, and by people."""

import unicodedata
from collections.abc import Sequence

HEADERS = {
    "identifier": """
        identifier, roster identifier, student identifier, id, id number, student id, student number,
        student no, sid, sis user id, sis id, org defined id, matriculation number, matriculation no,
        registration number, candidate number, matrikelnummer, matrikelnr, matrikel, matr nr, matrnummer,
        mat nr, mnr, martikelnummer, id nummer, identnummer, identifikator, kennung,
        numéro d'identification, numéro d'étudiant, numéro étudiant, identifiant, no étudiant, número de id,
        número id, número de identificación, identificador, número de matrícula, matrícula,
        número de identificação, numero di identificazione, codice identificativo, numero id,
        numero identificativo, matricola, numero di matricola, identificatore, studentnummer, idnummer,
        identificatie, numer id, numer albumu, identyfikator, id numero, opiskelijanumero, tunniste,
        id číslo, identifikační číslo, identifikátor, azonosító, azonosítószám, neptun kód, neptun,
        идентификатор, идентификационный номер, индивидуальный номер, номер студента, ідентифікатор,
        kimlik numarası, öğrenci numarası, öğrenci no, αναγνωριστικό, αριθμός id, αριθμός μητρώου, 学号,
        識別番号, 学籍番号, id ナンバー, 학번, number, nummer, numéro, número, numero, no, nr
    """,
    "full": """
        full name, name full, student, student name, display name, learner, vollständiger name,
        vor und nachname, vorname nachname, nachname vorname, name vorname, vorname name, teilnehmer,
        teilnehmer in, studierende, student in, nom complet, nom prénom, nom et prénom, prénom et nom,
        étudiant, nombre completo, apellidos y nombre, nombre y apellidos, estudiante, alumno,
        nome completo, nome e cognome, cognome e nome, cognome nome, studente, estudante, aluno,
        volledige naam, fullständigt namn, fulde navn, fullt navn, pełna nazwa, imię i nazwisko,
        nazwisko i imię, student student, koko nimi, celé jméno, jméno a příjmení, příjmení a jméno,
        teljes név, полное имя, фио, повне ім'я, tam adı, ad soyad, adı soyadı, πλήρες όνομα, ονοματεπώνυμο,
        姓名, 氏名, フルネーム, 이름
    """,
    "name": "name, nom, nombre, nome, naam, namn, navn, nimi, jméno, név, имя, ім'я, ad, adı, όνομα",
    "first": """
        first name, firstname, given name, given names, forename, first, preferred first name, vorname,
        vornamen, rufname, prénom, prénoms, nombre de pila, primer nombre, nome proprio, voornaam, förnamn,
        fornavn, etunimi, imię, křestní jméno, keresztnév, utónév
    """,
    "last": """
        last name, lastname, surname, family name, last, nachname, familienname, zuname, nom de famille,
        apellido, apellidos, apellido s, cognome, apelido, apelidos, sobrenome, último nome, achternaam,
        efternamn, efternavn, etternavn, sukunimi, nazwisko, příjmení, vezetéknév, családnév, фамилия,
        прізвище, soyad, soyadı, επώνυμο
    """,
    "email": """
        email, email address, e mail, e mail address, mail, mail address, primary email, school email,
        e mail adresse, mailadresse, adresse de courriel, courriel, adresse e mail, adresse électronique,
        adresse mail, dirección de correo, dirección de correo electrónico, correo electrónico, correo,
        dirección email, indirizzo email, indirizzo e mail, indirizzo di posta elettronica,
        endereço de e mail, endereço de email, correio eletrónico, correio eletrônico, e mailadres,
        mailadres, e postadress, e post, epost, e postadresse, e mailadresse, adres e mail, adres email,
        adres poczty elektronicznej, sähköpostiosoite, sähköposti, e mailová adresa, emailová adresa,
        e mail cím, email cím, адрес электронной почты, электронная почта, електронна пошта, e posta adresi,
        e posta, eposta, διεύθυνση ηλεκτρονικού ταχυδρομείου, 电子邮件, メールアドレス, 이메일,
        sis login email
    """,
    "login": """
        github login, github username, github, github user, github name, github account, github id,
        gitlab login, gitlab username, login, login name, login id, username, user name, user, sis login id,
        user id, anmeldename, benutzername, nutzername, nutzerkennung, benutzerkennung, benutzer,
        nom d'utilisateur, identifiant de connexion, nombre de usuario, usuario, nome utente,
        nome de utilizador, nome de usuário, gebruikersnaam, användarnamn, brugernavn, brukernavn,
        käyttäjätunnus, nazwa użytkownika, uživatelské jméno, felhasználónév, имя пользователя, логин,
        kullanıcı adı, όνομα χρήστη, 用户名, ユーザ名, 아이디
    """,
}
"""What a column is called, the surest spelling first; compared without case, accents, spaces and signs."""


def columns(head: Sequence[str]) -> dict[str, int]:
    """Return what each known column is of -> its place: identifier, name, first, last, email, login.

    Beside a column of first names, one that is merely called `Name` holds surnames; beside a column of surnames,
    first names. A column that says it holds full names is one wherever it stands.
    """
    spelled = [folded(cell) for cell in head]
    found = {}
    for field, names in SPELLINGS.items():
        known = [name for name in names if name in spelled]
        if known:
            found[field] = spelled.index(known[0])
    plain = found.pop("name", None)
    full = found.pop("full", None)
    if full is not None:
        found["name"] = full
    elif plain is not None:
        halves = found.keys() & {"first", "last"}
        found[{"first": "last", "last": "first"}[halves.pop()] if len(halves) == 1 else "name"] = plain
    return found


def folded(text: str) -> str:
    """Without case, accents, spaces and signs."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if c.isalnum())


SPELLINGS = {
    field: tuple(dict.fromkeys(folded(name) for name in text.split(","))) for field, text in HEADERS.items()
}
