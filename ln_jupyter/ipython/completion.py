"""What the Tab key offers after a module of ours, and the fields of a class where one is selected or made."""

from __future__ import annotations

import logging
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from IPython.core.completer import CompletionContext, MatcherAPIv2, SimpleMatcherResult

_ATTRIBUTE = re.compile(r"(?<![\w.)\]'\"])([^\W\d]\w*(?:\.\w+)*)\.(\w*)$")
_CALLED = re.compile(r"([^\W\d]\w*(?:\s*\.\s*[^\W\d]\w*)*)\s*$")
_METHOD = re.compile(r"\)[\s\\]*\.\s*([^\W\d]\w*)\s*$")
_OF_CALL = re.compile(r"\)[\s\\]*\.\s*(\w*)$")
_WORD = re.compile(r"(?<![\w.])(\w*)$")
_GIVEN = re.compile(r"(?<![\w.])(\w+)\s*=(?!=)")
_ARGUMENT = re.compile(r"[(,][\s\\]*\w*$")  # begins: what stands after a sign or `name=` is a value
_OPENED = {")": "(", "]": "[", "}": "{"}
_TOKEN = re.compile(
    r"""(?P<skipped>\#[^\n]*|'{3}(?:\\.|(?!'{3}).)*(?:'{3}|$)|"{3}(?:\\.|(?!"{3}).)*(?:"{3}|$)"""
    r"""|'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?)|(?P<bracket>[()\[\]{}])""",
    re.DOTALL,
)

_CHOOSING = {"where", "filter", "filter_by"}
_REFINING = _CHOOSING | {"join", "limit", "load", "offset", "options", "order_by", "with_for_update"}
_WITH_CLASS = {"select", "add", "delete"}

_log = logging.getLogger(__name__)


def matcher(namespace: Mapping[str, Any]) -> MatcherAPIv2:
    """Make a matcher for `IPCompleter.custom_matchers`.

    Args:
        namespace: The user's variables.
    """

    @context_matcher()  # type: ignore[untyped-decorator]
    def ln_jupyter_matcher(context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")[: context.cursor_line + 1]
        text = "\n".join([*lines[:-1], lines[-1][: context.cursor_position]])
        try:
            if (method := _OF_CALL.search(text)) is not None:
                return _offered(methods_of(text[: method.start() + 1], namespace), method[1], "function", is_all=True)
            if (attribute := _ATTRIBUTE.search(text)) is not None:
                return _offered(names_of(attribute[1], namespace), attribute[2], "instance", is_all=True)
            if (word := _WORD.search(text)) is not None:
                fields = (f"{field}=" for field in fields_at(text, namespace))
                return _offered(fields, word[1], "param", is_all=not word[1])  # nothing is begun: not all of Python
        except Exception:  # noqa: BLE001 - half-written code, and classes that cannot be mapped: others still complete
            _log.debug("no completion of ours", exc_info=True)
        return {"completions": []}

    return ln_jupyter_matcher  # type: ignore[no-any-return]


def _offered(words: Iterable[str], begun: str, kind: str, *, is_all: bool) -> SimpleMatcherResult:
    found = [SimpleCompletion(word, type=kind) for word in words if word.startswith(begun)]
    return {"completions": found, "suppress": is_all, "matched_fragment": begun}


def names_of(expression: str, namespace: Mapping[str, Any]) -> list[str]:
    """List the public names of a module of ours; [] for whatever else an expression is.

    Jedi offers what such a module imports, and IPython whatever was imported from it since.

    Example:
        >>> import ln_jupyter.schema
        >>> names_of("lns", {"lns": ln_jupyter.schema})[:3]
        ['Base', 'CreatedBy', 'Environment']
    """
    module = _value(expression, namespace)
    if not isinstance(module, ModuleType) or module.__name__.partition(".")[0] != "ln_jupyter":
        return []
    stated = getattr(module, "__all__", None)
    if stated is not None:
        return [name for name in stated if not name.startswith("_")]
    return [name for name, each in vars(module).items() if name[0] != "_" and _is_defined_in(module, each)]


def methods_of(expression: str, namespace: Mapping[str, Any]) -> list[str]:
    """List what can be asked of a statement that an expression makes; [] of anything else. IPython calls nothing.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> methods_of("ln.select(lns.Run).limit(3)", {"ln": ln, "lns": lns})[:3]
        ['all', 'count', 'df']
    """
    if _selected(expression, namespace) is None:
        return []
    from ln_jupyter.records.statement import Stmt  # here for cost: whoever has selected has imported it

    return [name for name in dir(Stmt) if name[0] != "_"]


def _is_defined_in(module: ModuleType, value: object) -> bool:
    return getattr(value, "__module__", None) == module.__name__


def fields_at(text: str, namespace: Mapping[str, Any]) -> list[str]:
    """List the fields that can be given at the end of *text*, in a call that selects, adds, deletes or makes records.

    No code of the user's is run.

    Args:
        text: The cell up to the cursor.
        namespace: The user's variables.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> fields_at("ln.select(lns.RunTag, run_id='x', ", {"ln": ln, "lns": lns})
        ['run', 'tag']
    """
    call = _open_call(text) if _ARGUMENT.search(_TOKEN.sub(_without_words, text)) is not None else None
    entity = None if call is None else _entity(call, namespace)
    if call is None or entity is None:
        return []
    import sqlalchemy as sa  # here for cost: whoever has a mapped class has imported it

    inspected: Any = sa.inspect(entity, raiseerr=False)
    if inspected is None or not hasattr(inspected, "mapper") or inspected.is_instance:
        return []
    given = {*_GIVEN.findall(call.arguments)}
    return sorted(name for name in inspected.mapper.all_orm_descriptors.keys() if name[0] != "_" and name not in given)  # noqa: SIM118


def _without_words(token: re.Match[str]) -> str:
    """Leave of a string that it is one, and of a comment nothing, unless it is being written."""
    is_past = token["skipped"] is not None and token[0][0] == "#" and token.end() < len(token.string)
    return token[0] if token["skipped"] is None else "" if is_past else '"'


class _Call(NamedTuple):
    """A call that is being written: what stands before its parenthesis, and in it."""

    before: str
    arguments: str

    @property
    def first(self) -> str:
        """The first argument, once a comma has ended it."""
        return self.arguments.partition(",")[0] if "," in self.arguments else ""


def _open_call(text: str) -> _Call | None:
    """Find the innermost call that is not closed."""
    opened = _brackets(text)[0]
    if not opened or text[opened[-1]] != "(":
        return None
    return _Call(text[: opened[-1]], text[opened[-1] + 1 :])


def _brackets(text: str) -> tuple[list[int], dict[int, int]]:
    """Return where brackets are opened and not closed, and for each that closes one where that is."""
    opened, pairs = list[int](), dict[int, int]()
    for token in _TOKEN.finditer(text):
        bracket, at = token["bracket"], token.start()
        if bracket is None:
            continue
        if bracket not in _OPENED:
            opened.append(at)
        elif opened and text[opened[-1]] == _OPENED[bracket]:
            pairs[at] = opened.pop()
    return opened, pairs


def _entity(call: _Call, namespace: Mapping[str, Any]) -> Any:
    """Return the class whose fields a call takes."""
    if method := _METHOD.search(call.before):
        if method[1] == "join":
            return _joined(call.first, namespace)
        return _selected(call.before[: method.start() + 1], namespace) if method[1] in _CHOOSING else None
    called = _CALLED.search(call.before)
    if called is None:
        return None
    owner, _, name = re.sub(r"\s", "", called[1]).rpartition(".")
    value: Any = _value(owner, namespace) if owner else None
    if _is_of(value, "statement", "Stmt"):
        return _joined(call.first, namespace) if name == "join" else value._entities[0] if name in _CHOOSING else None  # noqa: SLF001
    if name in _WITH_CLASS and (_is_of(value, "session", "Session") or _is_ours(_value(called[1], namespace))):
        return _value(call.first, namespace)
    made = _value(called[1], namespace)
    return made if isinstance(made, type) and hasattr(made, "_sa_class_manager") else None


def _selected(text: str, namespace: Mapping[str, Any]) -> Any:
    """Return the class that a chain of calls selects, whose end *text* is."""
    pairs = _brackets(text)[1]
    opening = pairs.get(len(text) - 1)
    if opening is None:
        return None
    call = _Call(text[:opening], f"{text[opening + 1 : -1]},")
    if method := _METHOD.search(call.before):
        return _selected(call.before[: method.start() + 1], namespace) if method[1] in _REFINING else None
    called = _CALLED.search(call.before)
    if called is None:
        return None
    owner, _, name = re.sub(r"\s", "", called[1]).rpartition(".")
    if name == "select":
        return _entity(call, namespace)
    value: Any = _value(owner, namespace) if name in _REFINING else None
    return value._entities[0] if _is_of(value, "statement", "Stmt") else None  # noqa: SLF001


def _joined(expression: str, namespace: Mapping[str, Any]) -> Any:
    """Return the class of what is joined: itself, or the other side of a relationship."""
    value = _value(expression, namespace)
    target = getattr(value, "entity", None)
    return value if isinstance(value, type) or target is None else target.entity


def _is_of(value: object, module: str, name: str) -> bool:
    return (type(value).__module__, type(value).__name__) == (f"ln_jupyter.records.{module}", name)


def _is_ours(function: object) -> bool:
    return str(getattr(function, "__module__", "")).startswith("ln_jupyter.records.")


def _value(expression: str, namespace: Mapping[str, Any]) -> Any:
    """Return what names with dots stand for: variables, what modules hold, and attributes of mapped classes."""
    name, *attributes = re.sub(r"\s", "", expression).split(".")
    value = namespace.get(name)
    for attribute in attributes:
        is_mapped = isinstance(value, type) and "_sa_class_manager" in vars(value)
        if not is_mapped and not isinstance(value, ModuleType):
            return None
        value = getattr(value, attribute, None)
    return value
