import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ln_jupyter.redaction import NAMES, is_secret, without_passwords, without_secrets


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


_GITHUB = "ghp_" + 9 * "a1B2"
_KEY = 16 * "Ab1/"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("postgresql://ann:s3cret@host/lab", "postgresql://ann:***@host/lab"),
        ('password = "s3cret"', 'password = "***"'),
        ("API_KEY: str = 's3cret'", "API_KEY: str = '***'"),
        ('pwd: Annotated[str, Field()] = "s3cret"', 'pwd: Annotated[str, Field()] = "***"'),
        ('config.token = "s3cret"', 'config.token = "***"'),
        ('os.environ["OPENAI_API_KEY"] = "s3cret"', 'os.environ["OPENAI_API_KEY"] = "***"'),
        ('os.environ["PASSWORD"] or "s3cret"', 'os.environ["PASSWORD"] or "***"'),
        ('os.environ.setdefault("X_TOKEN", "s3cret")', 'os.environ.setdefault("X_TOKEN", "***")'),
        ('setattr(config, "token", "s3cret")', 'setattr(config, "token", "***")'),
        ('{"password": "s3cret"}', '{"password": "***"}'),
        ('connect(password="s3cret", user="u")', 'connect(password="***", user="u")'),
        ('if password == "s3cret":', 'if password == "***":'),
        ('token != "0123456789"', 'token != "***"'),
        ('(password := "s3cret")', '(password := "***")'),
        ('password <- "s3cret"', 'password <- "***"'),
        ("password = rb's3\\'cret'", "password = rb'***'"),
        ('password = """s3\ncret"""  # 1', 'password = """***\n"""  # 1'),
        ('password = "s3\\\ncret"', 'password = "***\\\n"'),
        ('password = f"s3{cret}"', 'password = f"***"'),
        ('password = f"s3{c["r"]}et"', 'password = f"***"'),
        ('password = "s3" "cret"', 'password = "***" "***"'),
        ('password = (  # 1\n    "s3"\n    "cret"\n)', 'password = (  # 1\n    "***"\n    "***"\n)'),
        ('connect(password="s3"\n    "cret")', 'connect(password="***"\n    "***")'),
        ('password = "s3cret"\n"""The doc."""', 'password = "***"\n"""The doc."""'),
        ('password = "s3cret', 'password = "***'),
        ("%env TOKEN=s3cret", "%env TOKEN=***"),
        ("%env TOKEN s3cret", "%env TOKEN ***"),
        ("!export X_TOKEN=s3cret", "!export X_TOKEN=***"),
        ("x = !cmd --password s3cret -v", "x = !cmd --password *** -v"),
        ("%%bash\nX_TOKEN=s3cret cmd", "%%bash\nX_TOKEN=*** cmd"),
        ("%%writefile .env\nX_TOKEN=s3cret", "%%writefile .env\nX_TOKEN=***"),
        ('run("cmd --password=s3cret")', 'run("cmd --password=***")'),
        ('"host=h password=s3cret user=u"', '"host=h password=*** user=u"'),
        ('"a=b; token=s3|cret"', '"a=b; token=***"'),
        ("Authorization: Bearer s3cret", "Authorization: Bearer ***"),
        ('{"Authorization": "Basic s3cret"}', '{"Authorization": "Basic ***"}'),
        ("curl -H 'Authorization: token s3cret'", "curl -H 'Authorization: token ***'"),
        ('get(url, auth=("user", "s3cret"))', 'get(url, auth=("user", "***"))'),
        (f"# {_GITHUB}, or so", "# ***, or so"),
        (f'"\\n{_GITHUB}"', '"\\n***"'),
        ("github_pat_" + 22 * "a", "***"),
        ("glpat-" + 20 * "a", "***"),
        ("sk-" + 48 * "a", "***"),
        ("sk-proj-" + 16 * "a", "***"),
        ("sk-ant-api03-" + 16 * "a", "***"),
        ("AKIA" + 16 * "2", "***"),
        ("xoxb-" + 10 * "1", "***"),
        ("hf_" + 34 * "a", "***"),
        ("pypi-AgE" + 16 * "a", "***"),
        ("npm_" + 36 * "a", "***"),
        ("AIza" + 35 * "a", "***"),
        ("rk_live_" + 24 * "a", "***"),
        ("eyJhbGciOiJ9.eyJzdWIiOiJ9.s3cret", "***"),
        (
            f"-----BEGIN PRIVATE KEY-----\n{_KEY}\nab==\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n***\n***\n-----END PRIVATE KEY-----",
        ),
    ],
)
def test_secrets_of_sources(source, expected):
    """Each known form of a secret is taken out of a source, and nothing beside it."""
    assert expected == without_secrets(source)


@pytest.mark.parametrize(
    "source",
    [
        "password = getpass()",
        "password=password",
        'token = os.environ["T"]',
        'password = input("Password: ")',
        'password = ""',
        'password = f"{password}"',
        'session_key = f"{user}:{host}"',
        'token_count = "5"',
        'tokens = "5"',
        'token = "("',
        'if token == "YYYY":',
        'def f(token: str, user="x"): ...',
        'def f(token: "Token"): ...',
        'def f() -> "Token":\n    """Return it."""',
        "def f(authorization: Token = None): ...",
        'print("token=" + token + "x")',
        'print("password:", x)',
        'print(f"{password=}")',
        'add_argument("--password", "-p")',
        "!cmd --password {password} $TOKEN",
        "export TOKEN=$OTHER",
        "%time login(password=word)",
        '{"Authorization": f"Bearer {token}"}',
        '"-----BEGIN PRIVATE KEY-----" in text or "-----END PRIVATE KEY-----" in text',
        "sk-toggleable__label-arrow-estimator",
        "ASIAPACIFICREGIONALSALE",
    ],
)
def test_no_secrets_of_sources(source):
    """What is computed, empty, filled in elsewhere, or only looks like a secret stays in a source."""
    assert source == without_secrets(source)


_CODE = "password token auth Authorization : = == <- ( ) [ ] { } ' \" ''' \"\"\" f rb \\ ! %env export -- *** , # ://"
_PIECES = st.sampled_from(
    (
        *_CODE.split(),
        *(
            " ",
            "\n",
            "\r\n",
            "\u2028",
            "\ud800",
            "é",
            "İ",
            "%%bash\n",
            "Bearer ",
            "get(",
            "abc",
            "@",
            "$",
            "*",
            _GITHUB,
        ),
        *('token = """a\nb\n"""', "token = 'a\\\nb'", "{'token':\n(b'a'\n'b')", "://a:b@c", "!x --token a\n"),
        *("-----BEGIN PRIVATE KEY-----", _KEY, "-----END PRIVATE KEY-----"),
    )
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_PIECES | st.text(max_size=3), max_size=30).map("".join))
def test_any_text(source):
    """Any text at all keeps its lines, and has nothing left to take out after once."""
    text = without_secrets(source)

    assert len(source.splitlines()) == len(text.splitlines())
    assert text == without_secrets(text)
