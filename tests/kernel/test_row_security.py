"""Rows of other workspaces stay out of sight, also through the views that a context gives the others."""

from infra.local.paths import DOMAIN
from infra.local.postgres import Postgres
from oppulence.kernel.ids import new_id
from oppulence.kernel.migrate import migrate
from tests.support.world import World


def test_a_contexts_views_show_only_the_workspace_of_the_transaction(world: World) -> None:
    other = world.workspace()
    seen = world.within("recovery", lambda uow: uow.conn.execute("SELECT id FROM tenancy_api.workspace").fetchall(), other)
    assert seen == [(other,)]
    unknown = new_id("ws")
    assert (
        world.within("recovery", lambda uow: uow.conn.execute("SELECT id FROM tenancy_api.workspace").fetchall(), unknown) == []
    )


def test_no_owner_and_no_context_inherits_the_policy_that_shows_all_workspaces(world: World) -> None:
    rows = world.admin.execute(
        """
        SELECT r.rolname, s.rolname FROM pg_roles r, pg_roles s
         WHERE s.rolname LIKE '%\\_sweep' AND NOT r.rolsuper AND r.oid <> s.oid AND pg_has_role(r.oid, s.oid, 'USAGE')
        """
    ).fetchall()
    assert rows == []


def test_the_kernels_template_may_run_again_and_leaves_its_functions_closed_to_strangers(
    postgres: Postgres, world: World
) -> None:
    assert migrate(postgres.url, DOMAIN / "oppulence") == []
    open_to_all = world.admin.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE p.prosecdef AND n.nspname <> 'pg_catalog' AND has_function_privilege('public', p.oid, 'EXECUTE')"
    ).fetchall()
    assert open_to_all == []
