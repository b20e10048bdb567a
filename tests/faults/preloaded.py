"""What the processes have imported before they are forked: what a kernel has, and what the files of tests import.

A file of tests whose work needs more says so here: thirty-two imports of a tenth of a second are three.
"""

import psutil  # noqa: F401
import psycopg  # noqa: F401
import pytest  # noqa: F401
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite  # noqa: F401

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import cli  # noqa: F401
from ln_jupyter.db import engines  # noqa: F401
from ln_jupyter.orm import unit_of_work  # noqa: F401
from ln_jupyter.registry import migrate  # noqa: F401
from ln_jupyter.tracking import header_output, register  # noqa: F401
from ln_jupyter.tracking.publishing import publish  # noqa: F401
from tests.ipython import kernel_driver  # noqa: F401
from tests.tracking import notebooks  # noqa: F401

_ = (ln.header, ln.add, ln.select, ln.Session, ln.delete, lns.Run)  # what is public is imported when it is asked for
orm.configure_mappers()
