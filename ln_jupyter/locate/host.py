"""The service that hosts the kernel, by the environment variables that it documents."""

from __future__ import annotations

import os

_SIGNS = {
    "COLAB_JUPYTER_IP": "colab",
    "COLAB_RELEASE_TAG": "colab",
    "DATABRICKS_RUNTIME_VERSION": "databricks",
    "DEEPNOTE_PROJECT_ID": "deepnote",
    "KAGGLE_KERNEL_RUN_TYPE": "kaggle",
    "JUPYTERHUB_USER": "jupyterhub",
}


def name() -> str:
    """Name the service, such as ``"colab"``; empty on a machine of the user's own."""
    return next((service for sign, service in _SIGNS.items() if os.environ.get(sign)), "")
