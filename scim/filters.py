"""SCIM filters (RFC 7644 section 3.4.2.2): from a text to a query. The only module that knows scim2-filter-parser.

The library finds the structure, nothing more. Around it stands what it lacks: caps on length, clauses and nesting
before anything recursive runs; JSON's numbers and escapes; `and` before `or`, which it treats alike; values that keep
their types; and every attribute resolved against the schema table, so that a wrong letter is an error and never
"everybody".
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from scim2_filter_parser import ast
from scim2_filter_parser.lexer import SCIMLexer
from scim2_filter_parser.parser import SCIMParser, SCIMParserError

from ims.query import EVERYTHING, And, Collection, Not, Operator, Or, Query, Some
from scim.attributes import AttributePath, Kind, ResourceType, ScimAttribute
from scim.comparisons import Literal, compare, compare_leaf, present, present_leaf, refused
from scim.errors import Sensitive
from scim.schemas import SENSITIVE

CHARACTERS_MAX = 2_048
CLAUSES_MAX = 50
NESTING_MAX = 40
_COMPILED_KEPT = 1_024

_OPERATORS = frozenset(operator.name for operator in Operator) | {"PR"}
_LITERALS = frozenset({"TRUE", "FALSE", "NULL", "NUMBER", "COMP_VALUE"})
_OPENS, _CLOSES = frozenset({"LPAREN", "LBRACKET"}), frozenset({"RPAREN", "RBRACKET"})
_WORD_ENDS = r"(?![a-zA-Z0-9_$.:-])"


class _Lexer(SCIMLexer):  # type: ignore[misc]  # the library has no types
    """The library's lexer with JSON's literals: it knows numbers of one digit and no escapes, and cuts `trueName`."""

    tokens = SCIMLexer.tokens
    TRUE = f"(?i:true){_WORD_ENDS}"
    FALSE = f"(?i:false){_WORD_ENDS}"
    NULL = f"(?i:null){_WORD_ENDS}"
    NUMBER = rf"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?{_WORD_ENDS}"

    @_(r'"(?:[^"\\]|\\.)*"')  # type: ignore[name-defined, untyped-decorator]  # noqa: F821 -- sly puts `_` into the class body
    def COMP_VALUE(self, token: Any) -> Any:  # noqa: N802, ANN401 -- a token rule of sly is named like its token
        """Leave the quotes where they are: only a JSON parser can take them off."""
        return token

    def error(self, token: Any) -> None:  # noqa: ANN401 -- sly's own signature
        """Refuse what begins no token."""
        raise refused(f"The filter cannot be read from position {token.index + 1} on")


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where names are looked up: in a resource of this type, or among the sub-attributes of what stands before `[`."""

    of: ResourceType
    evidence: bool
    inside: ScimAttribute | None = None


@lru_cache(maxsize=_COMPILED_KEPT)
def compiled(text: str, of: ResourceType, *, evidence: bool) -> Query:
    """Return the query that a filter on such resources means, for a client who may know of evidence or not.

    Raises BadRequest.

    The result is immutable and remembered: identity providers send the same few shapes all day.
    """
    return _query(_parsed(text), _Scope(of, evidence))


def compiled_inside(of: ResourceType, attribute: ScimAttribute, text: str) -> Query:
    """Return the query on one element of a multi-valued attribute that a PATCH path has between its brackets."""
    return _query(_parsed(text), _Scope(of, evidence=True, inside=attribute))


# --- 1 the text: capped, cut into tokens, and parsed ----------------------------------------------------------------


def _parsed(text: str) -> Any:  # noqa: ANN401 -- the library's syntax tree has no types
    """Return the filter's syntax tree. A lexer and a parser serve one filter only: they are not safe for threads."""
    if len(text) > CHARACTERS_MAX:
        raise refused(f"The filter is longer than {CHARACTERS_MAX} characters")
    parser = SCIMParser()
    parser.error = _refuse_token
    try:
        tokens = list(_Lexer().tokenize(text))
        _refuse_excess(tokens)
        return parser.parse(_with_literals(tokens))
    except (SCIMParserError, ValueError, RecursionError, AttributeError) as error:
        raise refused("The filter cannot be read") from error


def _refuse_token(token: Any) -> None:  # noqa: ANN401 -- a token of sly
    if token is None:
        raise refused("The filter ends too early")
    raise refused(f"The filter cannot be read from position {token.index + 1} on")


def _refuse_excess(tokens: list[Any]) -> None:
    """Count clauses and nesting before the parser builds a tree that something has to walk down."""
    if sum(token.type in _OPERATORS for token in tokens) > CLAUSES_MAX:
        raise refused(f"The filter has more than {CLAUSES_MAX} comparisons")
    depth = 0
    for token in tokens:
        depth += (token.type in _OPENS) - (token.type in _CLOSES)
        if depth > NESTING_MAX:
            raise refused(f"The filter is nested deeper than {NESTING_MAX} levels")


def _with_literals(tokens: list[Any]) -> Iterable[Any]:
    """Yield the tokens with their literals as Python values, so that true and "true" stay two things."""
    for token in tokens:
        if token.type in _LITERALS:
            token.value = _literal(token)
        yield token


def _literal(token: Any) -> Literal:  # noqa: ANN401 -- a token of sly
    is_word = token.type in ("TRUE", "FALSE", "NULL")
    value: Literal = json.loads(token.value.lower() if is_word else token.value)
    if isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise refused(f"The text at position {token.index + 1} holds NUL or half of a surrogate pair")
    return value


# --- 2 the tree: regrouped and resolved ------------------------------------------------------------------------------


def _query(node: Any, scope: _Scope) -> Query:  # noqa: ANN401 -- a Filter of the library
    operands, operators = _chain(node)
    if operators:
        return _regrouped([_query(operand, scope) for operand in operands], operators)
    inner = node.expr
    if node.namespace is not None:
        query = _value_path(node, scope)
    elif isinstance(inner, ast.Filter):
        query = _query(inner, scope)
    else:
        query = _expression(inner, scope)
    return Not(query) if node.negated else query


def _chain(node: Any) -> tuple[list[Any], list[str]]:  # noqa: ANN401 -- a Filter of the library
    """Return the operands and operators that stand side by side, without brackets, from left to right.

    The library groups them from the left; a group in brackets is a Filter in a Filter and ends the chain.
    """
    operands: list[Any] = []
    operators: list[str] = []
    while isinstance(node.expr, ast.LogExpr):
        operands.append(node.expr.expr2)
        operators.append(node.expr.op.lower())
        node = node.expr.expr1
    return [node, *reversed(operands)], operators[::-1]


def _regrouped(queries: list[Query], operators: list[str]) -> Query:
    """Join the operands so that `and` binds tighter than `or` (RFC 7644 section 3.4.2.2)."""
    groups = [[queries[0]]]
    for operator, query in zip(operators, queries[1:], strict=True):
        if operator == "and":
            groups[-1].append(query)
        else:
            groups.append([query])
    joined = tuple(group[0] if len(group) == 1 else And(tuple(group)) for group in groups)
    return joined[0] if len(joined) == 1 else Or(joined)


def _value_path(node: Any, scope: _Scope) -> Query:  # noqa: ANN401 -- a Filter of the library
    """Return the query for `attribute[filter]`: all of the filter holds for the same element."""
    path = _complex_path(node.namespace, scope)
    if path.part is not None:
        raise refused(f"{path} cannot stand before brackets")
    where = _query(node.expr, replace(scope, inside=path.attribute))
    return Some(path.attribute.asks, where) if isinstance(path.attribute.asks, Collection) else where


def _expression(node: Any, scope: _Scope) -> Query:  # noqa: ANN401 -- an AttrExpr of the library
    operator = node.value.lower()
    literal: Literal = None if operator == "pr" else node.comp_value.value
    if scope.inside is not None:
        part = _part(node.attr_path, scope.inside, scope)
        return present_leaf(part) if operator == "pr" else compare_leaf(part, Operator(operator), literal)
    path, among = _path(node.attr_path, scope)
    return present(path, among) if operator == "pr" else compare(path, Operator(operator), literal, among)


def _path(node: Any, scope: _Scope) -> tuple[AttributePath, Query]:  # noqa: ANN401 -- an AttrPath of the library
    """Return the attribute that is compared, and what narrows its elements in `emails[type eq "work"].value`."""
    if not isinstance(node.attr_name, ast.Filter):
        return _resolved(node, scope), EVERYTHING
    path = _complex_path(node.attr_name.namespace, scope)
    if path.part is None or not isinstance(path.attribute.asks, Collection):
        raise refused(f"{path}[...] cannot be compared; name one of its sub-attributes behind the brackets")
    return path, _query(node.attr_name.expr, replace(scope, inside=path.attribute))


def _complex_path(node: Any, scope: _Scope) -> AttributePath:  # noqa: ANN401 -- an AttrPath of the library
    """Return the attribute that stands before `[`."""
    if scope.inside is not None or isinstance(node.attr_name, ast.Filter):
        raise refused("Brackets cannot stand inside or behind brackets")
    path = _resolved(node, scope)
    if path.attribute.kind is not Kind.COMPLEX:
        raise refused(f"{path} has no sub-attributes, so it cannot stand before brackets")
    return path


def _resolved(node: Any, scope: _Scope) -> AttributePath:  # noqa: ANN401 -- an AttrPath of the library
    name = f"{node.attr_name}.{node.sub_attr.value}" if node.sub_attr else node.attr_name
    if SENSITIVE.intersection(name.lower().split(".")):
        raise Sensitive(f"{name} must not appear in a URL")
    path = scope.of.resolve(f"{node.uri}:{name}" if node.uri else name, evidence=scope.evidence)
    if path is None:
        raise refused(f"There is no attribute {name!r}")
    return path


def _part(node: Any, attribute: ScimAttribute, scope: _Scope) -> ScimAttribute:  # noqa: ANN401 -- an AttrPath
    """Return the sub-attribute that is named between brackets."""
    if isinstance(node.attr_name, ast.Filter):
        raise refused("Brackets cannot stand inside brackets")
    part = None if node.uri or node.sub_attr else attribute.part(node.attr_name)
    if part is None or (part.evidence and not scope.evidence):
        raise refused(f"{attribute.name} has no sub-attribute {node.attr_name!r}")
    return part
