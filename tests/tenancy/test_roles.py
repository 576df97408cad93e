"""Nobody grants more than they have, whatever the roles and scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.kernel.scopes import ADMIN, ROLE_SCOPES, SCOPES, Role, allows
from oppulence.tenancy.errors import EscalationRefused, LastOwner
from oppulence.tenancy.roles import RANK, Authority, check_change, check_role, check_scopes

scopes = st.sets(st.sampled_from(sorted(SCOPES))).map(frozenset)
roles = st.sampled_from(list(Role))
people = roles.map(lambda role: Authority("usr_me", ROLE_SCOPES[role], role))
keys = scopes.map(lambda granted: Authority("key_me", granted, None))


@given(keys | people, scopes)
def test_scopes_are_granted_by_those_who_have_them(by: Authority, wanted: frozenset[str]) -> None:
    try:
        check_scopes(by, wanted)
    except EscalationRefused as refused:
        assert any(scope in refused.message for scope in wanted if not allows(by.scopes, scope))
    else:
        assert all(allows(by.scopes, scope) for scope in wanted)
        assert ADMIN in by.scopes or ADMIN not in wanted


@given(keys | people, roles)
def test_a_role_given_holds_no_scope_that_the_giver_lacks(by: Authority, role: Role) -> None:
    try:
        check_role(by, role)
    except EscalationRefused:
        assert role is Role.OWNER or not by.covers(role)
    else:
        assert all(allows(by.scopes, scope) for scope in ROLE_SCOPES[role])
        assert role is not Role.OWNER or by.role is Role.OWNER


@given(people, roles)
def test_a_person_gives_roles_up_to_their_own(by: Authority, role: Role) -> None:
    assert by.role is not None
    if RANK[role] > RANK[by.role]:
        with pytest.raises(EscalationRefused):
            check_role(by, role)
    else:
        check_role(by, role)


@given(keys | people, roles, roles | st.none(), st.integers(1, 3), st.booleans())
def test_a_workspace_keeps_an_owner(by: Authority, present: Role, wanted: Role | None, owners: int, itself: bool) -> None:
    try:
        check_change(by, by.id if itself else "usr_other", present, wanted, owners)
    except LastOwner:
        assert present is Role.OWNER and wanted is not Role.OWNER and owners == 1
    except EscalationRefused:
        assert not by.covers(present) or (
            wanted is not None and (not by.covers(wanted) or (itself and RANK[wanted] > RANK[present]))
        )
    else:
        left = owners - (present is Role.OWNER) + (wanted is Role.OWNER)
        assert left >= 1 or present is not Role.OWNER
        assert present is not Role.OWNER or by.is_owner
        assert not (itself and wanted and RANK[wanted] > RANK[present])


def test_owners_and_admins_have_all_scopes_and_the_others_no_settings() -> None:
    assert ROLE_SCOPES[Role.OWNER] == ROLE_SCOPES[Role.ADMIN] == {ADMIN}
    for role in (Role.MEMBER, Role.VIEWER):
        assert not any(scope.startswith(("settings:", "api_keys:", ADMIN)) for scope in ROLE_SCOPES[role])
    assert not any(scope.endswith(":write") for scope in ROLE_SCOPES[Role.VIEWER])
