from __future__ import annotations

import pytest

from ln_jupyter.locate import host


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for sign in host._SIGNS:
        monkeypatch.delenv(sign, raising=False)


def test_own_machine() -> None:
    """A machine of the user's own is no service."""
    assert host.name() == ""


@pytest.mark.parametrize(
    ("service", "sign", "value"),
    [
        ("colab", "COLAB_RELEASE_TAG", "release-colab_20260101"),
        ("databricks", "DATABRICKS_RUNTIME_VERSION", "16.4"),
        ("deepnote", "DEEPNOTE_PROJECT_ID", "4c1e"),
        ("kaggle", "KAGGLE_KERNEL_RUN_TYPE", "Interactive"),
        ("jupyterhub", "JUPYTERHUB_USER", "ada"),
    ],
)
def test_service(monkeypatch: pytest.MonkeyPatch, service: str, sign: str, value: str) -> None:
    """A service is known by a variable that it documents."""
    monkeypatch.setenv(sign, value)

    assert service == host.name()
