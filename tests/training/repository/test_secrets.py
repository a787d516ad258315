"""What is taken for a secret, what is not, and that code stays code."""

from __future__ import annotations

import ast

import pytest

from codelathe.training.repository.secrets import EMAIL, MASK, Redaction, looks_random

RANDOM = "q7Zt2LxV9bNc4KdW8sRf1HgP"
# Put together here, so that no scanner of this repository takes them for true.
SHAPES = {
    "AWS key": "AKIA" + "Q3EXZ7MVTL2PWN4K",
    "GitHub token": "ghp" + "_" + RANDOM + "a1b2c3d4e5f6",
    "GitLab token": "glpat" + "-" + RANDOM,
    "Slack token": "xoxb" + "-123456789012-" + RANDOM,
    "Stripe key": "sk" + "_live_" + RANDOM,
    "Google key": "AIza" + "SyD" + RANDOM + "abcdefgh",
    "Hugging Face token": "hf" + "_" + RANDOM + "ABCDEFGH",
    "API key": "sk" + "-proj-" + RANDOM,
    "JWT": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3.c2lnbmF0dXJl",
    "private key": "-----BEGIN RSA PRIVATE"
    + " KEY-----\nMIIEow\n-----END RSA PRIVATE"
    + " KEY-----",
}


@pytest.mark.parametrize(("kind", "secret"), SHAPES.items())
def test_a_key_of_a_known_shape_is_masked_wherever_it_stands(kind: str, secret: str) -> None:
    redact = Redaction(emails=True)
    assert redact(f"x = call('''{secret}''')  # so\n", "a.py") == f"x = call('''{MASK}''')  # so\n"
    (place,) = redact.places
    assert (place.kind, place.file, place.line) == (kind, "a.py", 1)


@pytest.mark.parametrize(
    "line",
    [
        'password = "{}"', "API_KEY = '{}'", 'self.auth_token: str = "{}"', '{{"secret": "{}"}}',
        'os.environ["ACCESS_KEY"] = "{}"', 'token := "{}"', 'db_password="{}"',
        "x = {{'api-key': b'{}'}}",
    ],
)  # fmt: skip
def test_a_random_text_with_a_telling_name_is_masked(line: str) -> None:
    redact = Redaction(emails=False)
    assert redact(line.format(RANDOM), "a") == line.format(MASK)
    assert [place.kind for place in redact.places] == ["value of a secret name"]


@pytest.mark.parametrize(
    "line",
    [
        'password = "your-password-here"', 'token = "<TOKEN>"', 'API_KEY = "${API_KEY}"',
        'secret = "changeme123"', 'key = "value_of_it"', 'token = "https://host/1"',
        "'postgres://user:password@host/db'",
        'token_type = "access_token"', f'checksum = "{RANDOM}"', "tokens = 'abc'",
        "risk-free-and-quite-long-words-only-here", "x = task-force",
    ],
)  # fmt: skip
def test_placeholders_words_and_other_names_stay(line: str) -> None:
    redact = Redaction(emails=True)
    assert redact(line, "a") == line
    assert not redact.places


def test_a_password_in_an_address_is_masked() -> None:
    redact = Redaction(emails=False)
    assert redact("'postgres://ann:h0rse@host/db'", "a") == f"'postgres://ann:{MASK}@host/db'"


def test_code_with_masked_secrets_still_parses() -> None:
    text = "\n".join(f"x{n} = '''{secret}'''" for n, secret in enumerate(SHAPES.values()))
    masked = Redaction(emails=True)(text + f"\npassword = '{RANDOM}'", "a")
    assert len(ast.parse(masked).body) == len(SHAPES) + 1
    assert masked.count(MASK) >= len(SHAPES) + 1


def test_a_secret_is_counted_once_with_its_first_place() -> None:
    redact = Redaction(emails=True)
    redact(f"\n\npassword = '{RANDOM}'", "a.py")
    redact(f"password = '{RANDOM}'", "b.py")
    assert [(place.file, place.line) for place in redact.places] == [("a.py", 3)]


@pytest.mark.parametrize("address", ["ann.lee@firm.com", "a+b@mail.firm.co.kr", "x@y.io"])
def test_addresses_of_people_are_masked(address: str) -> None:
    text = f"# by Ann <{address}>, 2020."
    assert Redaction(emails=True)(text, "a") == f"# by Ann <{EMAIL}>, 2020."
    assert Redaction(emails=False)(text, "a") == text


@pytest.mark.parametrize(
    "text",
    [
        "y = weights@layer.mean",
        "x@self.co()",
        "x@model.no.grad",
        "@app.route('/')",
        "<a@example.com>",
    ],
)
def test_products_decorators_and_examples_are_no_addresses(text: str) -> None:
    assert Redaction(emails=True)(text, "a") == text


def test_what_is_random_has_letters_digits_and_many_of_them() -> None:
    assert looks_random(RANDOM)
    assert not looks_random("aaaaaaaaaaaaaaaa1")
    assert not looks_random("correct_horse_battery")
