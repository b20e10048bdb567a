import urllib.error

import pytest

import ln_jupyter


def test_version(server):
    """The server says which release it runs, wherever its base URL is."""
    assert server.get("ln-jupyter/api/version") == {"version": ln_jupyter.__version__}


def test_version_is_for_users_only(server):
    """Without the server's token nothing is answered."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.get("ln-jupyter/api/version", token="guessed")

    refused.value.close()
    assert refused.value.code == 403
