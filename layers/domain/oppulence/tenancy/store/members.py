"""Queries on users, memberships and invitations."""

from datetime import datetime

from psycopg.rows import class_row

from oppulence.kernel.auth import Person
from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.kernel.scopes import Role
from oppulence.tenancy.models import Invitation, Member

_MEMBERS = """
    SELECT m.id, 'active' AS status, m.role, m.user_id, u.email, u.name, m.created_at, NULL::timestamptz AS expires_at
      FROM tenancy.memberships m JOIN tenancy.users u ON u.id = m.user_id
"""


def list_members(conn: Connection, status: str | None, after: After | None, most: int) -> list[Member]:
    """Members and open invitations, newest first."""
    after_at, after_id = after or (None, None)
    with conn.cursor(row_factory=class_row(Member)) as cur:
        return cur.execute(
            f"""
            SELECT * FROM ({_MEMBERS}
              UNION ALL
              SELECT id, 'invited', role, NULL, email, NULL, created_at, expires_at FROM tenancy.invitations) AS all_of_them
             WHERE (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(after_at)s::timestamptz IS NULL OR (created_at, id) < (%(after_at)s::timestamptz, %(after_id)s))
             ORDER BY created_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {"status": status, "after_at": after_at, "after_id": after_id, "most": most},
        ).fetchall()


def find_member(conn: Connection, member_id: str) -> Member | None:
    """One member; an invitation is none."""
    with conn.cursor(row_factory=class_row(Member)) as cur:
        return cur.execute(f"{_MEMBERS} WHERE m.id = %s".encode(), (member_id,)).fetchone()


def role_of(conn: Connection, user_id: str) -> Role | None:
    """A user's present role in the workspace."""
    row = conn.execute("SELECT role FROM tenancy.memberships WHERE user_id = %s", (user_id,)).fetchone()
    return Role(str(row[0])) if row else None


def count_owners(conn: Connection) -> int:
    """How many owners the workspace has."""
    row = conn.execute("SELECT count(*) FROM tenancy.memberships WHERE role = 'owner'").fetchone()
    return int(str(row[0])) if row else 0


def is_member(conn: Connection, email: str) -> bool:
    """Whether somebody with this address is a member."""
    found = conn.execute(
        "SELECT FROM tenancy.memberships m JOIN tenancy.users u ON u.id = m.user_id WHERE lower(u.email) = %s", (email,)
    )
    return found.fetchone() is not None


def register_user(conn: Connection, user_id: str, person: Person) -> str:
    """Have a user row for a signed-in person; returns its id."""
    row = conn.execute(
        "SELECT tenancy.register_user(%s, %s, %s, %s, %s)",
        (user_id, person.issuer, person.subject, person.email, person.name),
    ).fetchone()
    return str(row[0]) if row else user_id


def insert_membership(conn: Connection, member: tuple[str, str, str, Role, datetime]) -> bool:
    """Add (id, workspace, user, role, at); False when the user is a member already."""
    cur = conn.execute(
        "INSERT INTO tenancy.memberships (id, workspace_id, user_id, role, created_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (workspace_id, user_id) DO NOTHING",
        member,
    )
    return cur.rowcount == 1


def set_role(conn: Connection, member_id: str, role: Role) -> None:
    """Change a member's role."""
    conn.execute("UPDATE tenancy.memberships SET role = %s WHERE id = %s", (role, member_id))


def delete_membership(conn: Connection, member_id: str, user_id: str) -> None:
    """End a membership; the user's row goes with the last one."""
    conn.execute("DELETE FROM tenancy.memberships WHERE id = %s", (member_id,))
    conn.execute("SELECT tenancy.drop_users_without_membership(%s)", ([user_id],))


def upsert_invitation(
    conn: Connection, workspace_id: str, invitation: Invitation, token_hash: bytes, invited_by: str
) -> Invitation:
    """Add an invitation; one that is open for the same address is replaced, and its token is void."""
    with conn.cursor(row_factory=class_row(Invitation)) as cur:
        row = cur.execute(
            """
            INSERT INTO tenancy.invitations (id, workspace_id, email, role, token_hash, invited_by, created_at, expires_at)
            VALUES (%(id)s, %(workspace_id)s, %(email)s, %(role)s, %(token_hash)s, %(invited_by)s, %(created_at)s, %(expires_at)s)
            ON CONFLICT (workspace_id, email) DO UPDATE
               SET id = excluded.id, role = excluded.role, token_hash = excluded.token_hash, invited_by = excluded.invited_by,
                   created_at = excluded.created_at, expires_at = excluded.expires_at
            RETURNING id, email, role, created_at, expires_at
            """,
            {**invitation.model_dump(), "workspace_id": workspace_id, "token_hash": token_hash, "invited_by": invited_by},
        ).fetchone()
    assert row is not None
    return row


def workspace_of_invitation(conn: Connection, token_hash: bytes) -> str | None:
    """Which workspace a token invites to, of all."""
    row = conn.execute("SELECT tenancy.workspace_of_invitation(%s)", (token_hash,)).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def lock_invitation(conn: Connection, token_hash: bytes) -> Invitation | None:
    """The invitation of a token, held until the transaction ends."""
    with conn.cursor(row_factory=class_row(Invitation)) as cur:
        return cur.execute(
            "SELECT id, email, role, created_at, expires_at FROM tenancy.invitations WHERE token_hash = %s FOR UPDATE",
            (token_hash,),
        ).fetchone()


def delete_invitation(conn: Connection, invitation_id: str) -> bool:
    """Withdraw or use up an invitation; False when there is none."""
    return conn.execute("DELETE FROM tenancy.invitations WHERE id = %s", (invitation_id,)).rowcount == 1
