import subprocess
import sys

import ln_jupyter


def test_extension_is_listed_as_valid(server_environment):
    """`jupyter server extension list` says that the extension is enabled and OK."""
    command = [sys.executable, "-m", "jupyter_server.extension.serverextension", "list"]

    done = subprocess.run(command, env=server_environment, capture_output=True, text=True, check=True)

    report = done.stdout + done.stderr
    assert "- Validating ln_jupyter..." in report
    assert f"ln_jupyter {ln_jupyter.__version__} \x1b[32mOK" in report


def test_extension_loads_with_the_server(server):
    """A server that starts says that it loaded the extension."""
    assert "ln_jupyter | extension was successfully loaded." in server.log


def test_loading_imports_no_database():
    """Loading the extension imports no SQLAlchemy: a server starts as fast with us as without."""
    code = """
import sys
from jupyter_server.extension.manager import ExtensionPackage
assert ExtensionPackage(name="ln_jupyter", enabled=True).validate()
print("sqlalchemy" in sys.modules)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
