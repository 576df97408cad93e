"""The SQL of the views that `typed_views` lists."""

from collections.abc import Iterator

from oppulence.sync.typed_views import JOINED, VIEWS, Column

_HEAD = """-- Views over the mirror with typed columns, one a type: made from oppulence/sync/typed_views.py by
-- `python -m oppulence.sync.view_sql`. Change that list, and put its text into a new migration.
"""
_ITEMS = """(
  SELECT s.workspace_id, s.account, s.connection_id, item->>'id' AS id, s.deleted, s.version, s.updated_at,
         jsonb_build_object('subscription', s.id, 'current_period_start', s.data->'current_period_start',
                            'current_period_end', s.data->'current_period_end') || item AS data
    FROM sync.objects s,
         jsonb_array_elements(CASE jsonb_typeof(s.data #> '{items,data}') WHEN 'array' THEN s.data #> '{items,data}' END) AS item
   WHERE s.type = 'subscription' AND s.version > 0
   UNION ALL
  SELECT i.workspace_id, i.account, i.connection_id, i.id, i.deleted, i.version, i.updated_at, i.data
    FROM sync.objects i
   WHERE i.type = 'subscription_item' AND i.version > 0 AND NOT EXISTS (
         SELECT FROM sync.objects s
          WHERE s.workspace_id = i.workspace_id AND s.account = i.account AND s.type = 'subscription'
            AND s.id = i.data->>'subscription' AND s.data #> '{items,data}' @> jsonb_build_array(jsonb_build_object('id', i.id)))
)"""
"""Subscriptions show their items themselves; what they do not show, such as those past the first twenty, was listed."""

_CUSTOMER = """
  LEFT JOIN sync.objects c ON c.workspace_id = o.workspace_id AND c.account = o.account AND c.type = 'customer'
                          AND c.id = coalesce(o.data #>> '{customer,id}', o.data->>'customer')"""
_LINE = 70
_CASTS = {"minor": "bigint", "sum": "bigint", "integer": "bigint", "count": "integer", "boolean": "boolean", "decimal": "numeric"}


def script() -> str:
    """All views, as one migration."""
    names = ", ".join(f"sync_api.{name}" for name in VIEWS)
    views = "\n\n".join(view(name) for name in VIEWS)
    return f"{_HEAD}DROP VIEW sync_api.invoices;\n\n{views}\n\nGRANT SELECT ON {names} TO contexts;\n"


def view(name: str) -> str:
    """One view."""
    kind, columns = VIEWS[name]
    shown = ",\n       ".join(
        ["o.version, o.updated_at AS mirrored_at", *(f"{_sql(one)} AS {one.name}" for one in columns), "o.data"]
    )
    source = _ITEMS if name == "subscription_items" else "sync.objects"
    where = "" if name == "subscription_items" else f"\n WHERE o.type = '{kind}' AND o.version > 0"
    join = _CUSTOMER if any(path.startswith(JOINED) for one in columns for path in one.paths) else ""
    return (
        f"CREATE VIEW sync_api.{name} WITH (security_barrier) AS\n"
        f"SELECT o.workspace_id, o.account, o.connection_id, o.id, o.deleted, {shown}\n  FROM {source} o{join}{where};"
    )


def _sql(column: Column) -> str:
    values = list(_values(column))
    comma = ",\n         " if sum(map(len, values)) > _LINE else ", "
    value = values[0] if len(values) == 1 else f"coalesce({comma.join(values)})"
    match column.kind:
        case "time":
            return f"to_timestamp(({value})::double precision)"
        case "currency":
            return f"upper({value})"
        case "count":
            return f"coalesce(({value})::integer, 0)"
        case "json":
            return f"nullif({value}, 'null')"
        case kind if kind in _CASTS:
            return f"({value})::{_CASTS[kind]}"
    return value


def _values(column: Column) -> Iterator[str]:
    """The value at each of the column's places, as text or, for a json column, as it is."""
    for path in column.paths:
        table, place = ("c", path.removeprefix(JOINED)) if path.startswith(JOINED) else ("o", path)
        if "[]." in place:
            items, _, inner = place.partition("[].")
            array = f"{table}.data->'{items}'"
            yield (
                f"CASE jsonb_typeof({array}) WHEN 'array' THEN (SELECT coalesce(sum((e->>'{inner}')::bigint), 0)"
                f"\n           FROM jsonb_array_elements({array}) AS e)::text END"
            )
            continue
        if column.kind == "id":
            yield _at(table, f"{place}.id", as_text=True)
        yield _at(table, place, as_text=column.kind != "json")


def _at(table: str, place: str, *, as_text: bool) -> str:
    parts = place.split(".")
    if len(parts) == 1:
        return f"{table}.data->{'>' * as_text}'{place}'"
    return f"{table}.data #>{'>' * as_text} '{{{','.join(parts)}}}'"


if __name__ == "__main__":
    print(script(), end="")  # noqa: T201
