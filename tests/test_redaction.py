import subprocess
import sys

import pytest

from ln_jupyter.redaction import NAMES, is_secret, without_passwords


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Password",
        "passwd",
        "user_password",
        "userPassword",
        "password_hash",
        "hashed_password",
        "password2",
        "new_password",
        "pwd",
        "dbpassword",
        "passphrase",
        "api_key",
        "apiKey",
        "APIKey",
        "apikey",
        "API_KEY",
        "aws_secret_access_key",
        "private_key",
        "private_key_pem",
        "privatekey",
        "secret_key",
        "session_key",
        "client_secret",
        "clientSecret",
        "secret",
        "secrets",
        "token",
        "access_token",
        "accessToken",
        "accesstoken",
        "refresh_tokens",
        "token_hash",
        "tokenHash",
        "credentials",
        "db_credential",
        "connection_string",
        "otp",
        "user-password",
    ],
)
def test_secrets(name):
    """A column whose name ends in a word for a secret is one, however its name is written."""
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "token_count",
        "tokens",
        "max_tokens",
        "tokenizer",
        "token_type",
        "tokenized",
        "secretary",
        "secretariat",
        "secret_name",
        "passport",
        "passport_country",
        "password_changed_at",
        "has_password",
        "is_secret",
        "public_key",
        "primary_key",
        "foreign_key",
        "key",
        "keyword",
        "monkey",
        "api_key_id",
        "salt",
        "hash",
        "source_hash",
        "name",
        "compass",
        "pin",
        "pincode",
        "description",
        "id",
        "session_id",
        "laptop",
        "_",
    ],
)
def test_no_secrets(name):
    """A column whose name only sounds like a secret, or says something about one, is shown."""
    assert not is_secret(name)


def test_the_model_decides():
    """What a model says of a column counts more than its name."""
    assert (True, False) == (
        is_secret("colour", info={"sensitive": True}),
        is_secret("token", info={"sensitive": False}),
    )


def test_own_names():
    """Other names may be given, in any spelling; they replace ours."""
    names = ("patient id", "birthDate")

    assert [True, True, False] == [is_secret(name, names=names) for name in ("PatientId", "birth_date", "password")]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_a_secret(name):
    """Every name of ours hides the column that is called so."""
    assert is_secret(name.replace(" ", "_"))


def test_no_names():
    """Without any names, nothing is hidden but what the model marks."""
    assert (False, True) == (is_secret("password", names=()), is_secret("x", info={"sensitive": True}, names=()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://ann:s3cret@host/lab", "postgresql://ann:***@host/lab"),
        ("'postgresql://:s3@cr/et@host'", "'postgresql://:***@host'"),
        ("https://ann:s3cret@host/a", "https://ann:***@host/a"),
        ("sqlite:///a.db?Password=s3cret&x=1", "sqlite:///a.db?Password=***&x=1"),
        ("a://b:c@d e://f:g@h", "a://b:***@d e://f:***@h"),
        ("https://localhost:8888/lab/@me", "https://localhost:8888/lab/@me"),
        ("postgresql://host/lab?passfile=/home/ann/.pgpass", "postgresql://host/lab?passfile=/home/ann/.pgpass"),
        ("postgresql://{user}:{password}@host", "postgresql://{user}:{password}@host"),
        ("postgresql://user:%(password)s@host", "postgresql://user:%(password)s@host"),
        ("ann:s3cret@host", "ann:s3cret@host"),
    ],
)
def test_passwords_of_urls(text, expected):
    """A password of a URL in a text is left out, and what is none is left as it is; twice is as once."""
    assert expected == without_passwords(text)
    assert expected == without_passwords(expected)


def test_no_text_takes_long():
    """Text that is nearly a URL over and over is read in seconds; without its bounds, it takes minutes."""
    code = """if True:
        from ln_jupyter.redaction import without_passwords
        for piece in ("://", "://a:", "://a:b", "a://:", "://a:{", "?password", "://a:<", "?pass=://"):
            without_passwords("://" + piece * (300_000 // len(piece)))
    """

    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
