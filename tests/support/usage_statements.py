"""Whether statements on tables of usage name the workspaces whose rows they touch."""

import re

TABLE = re.compile(r"\b(?:FROM|JOIN|TABLE|UPDATE)\s+`?usage_\w+`?", re.IGNORECASE)
_PARAMETER = re.compile(r"\{(\w+):[^{}]*\}")
_FILTER = re.compile(r"\b(?:\w+\.)?workspace_id\s*(?:=\s*@(?:ws|workspace_id)@|IN\s*@workspaces@)")
_END = re.compile(r"\bUNION\b", re.IGNORECASE)


def unfiltered(text: str) -> list[str]:
    """The parts of a statement that touch a table of usage of whatever workspace: each must say of its own `workspace_id` that it
    is the parameter `ws` or `workspace_id`, or one of the parameter `workspaces`.
    """
    plain = _PARAMETER.sub(r"@\1@", text)
    return [match[0] for match in TABLE.finditer(plain) if not _FILTER.search(_own(plain[match.end() :]))]


def _own(rest: str) -> str:
    """What follows a table's name until its part of the statement ends; what stands in parentheses is another's."""
    depth, own = 0, ""
    for sign in rest:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            break
        own += sign if depth == 0 else ""
    return _END.split(own, maxsplit=1)[0]
