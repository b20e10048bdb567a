"""What a lazy load is about, and a remark where one query's records were loaded one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ln_jupyter import advice, callsite

if TYPE_CHECKING:
    from sqlalchemy import orm

MANY = 10
"""So many lazy loads of one relationship, of records from one query, are worth a remark."""

_MOST_TALLIES = 64


class Tally:
    """How often one relationship was loaded for records from one query; as text, the remark about it.

    Attributes:
        loads: Statements sent; what was in the session already sends none.
    """

    __slots__ = ("_line", "_name", "_path", "loads")

    def __init__(self) -> None:
        self.loads = 0

    def remark(self, path: list[orm.RelationshipProperty[Any]]) -> None:
        """Leave the remark, with the line that loads now."""
        self._line, self._name = callsite.current(), name(path[-1])
        self._path = ".".join(each.key for each in path)
        advice.give(self)

    def __str__(self) -> str:
        where = "" if self._line is None else f" at {self._line}"
        return (
            f'{self.loads} lazy loads of {self._name}{where} · .load("{self._path}") on the select makes it one query'
        )


Tallies = dict[tuple[int, object], Tally]


def count(tallies: Tallies, execution: orm.ORMExecuteState) -> None:
    """Count a lazy load that is about to be sent, and say so once there are many.

    Only what was loaded last is remembered, and no record.

    Args:
        tallies: Those of the session.
        execution: Of a relationship, with the record it is loaded for.
    """
    record: Any = execution.lazy_loaded_from
    path: Any = execution.loader_strategy_path
    key = (record.runid, path[-1])  # each query has its own runid, and marks the records it makes with it
    tally = tallies.pop(key, None)
    if tally is None:
        tally = Tally()
        if len(tallies) == _MOST_TALLIES:
            del tallies[next(iter(tallies))]
    tallies[key] = tally  # the last one again
    tally.loads += 1
    if tally.loads == MANY:
        tally.remark(relationships(path))


def relationships(path: Any) -> list[orm.RelationshipProperty[Any]]:
    """Return the steps of SQLAlchemy's path to what is loaded, from the class that was selected if that is known."""
    return list(path.path[1::2])


def name(relationship: orm.RelationshipProperty[Any]) -> str:
    """Name a relationship as code does.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> name(lns.Run.pipeline.property)
        'Run.pipeline'
    """
    return f"{relationship.parent.class_.__name__}.{relationship.key}"
