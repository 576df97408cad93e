"""The chart of accounts stands in the code and in the database alike."""

from oppulence.ledger.models import Account
from tests.support.world import World


def test_the_code_and_the_database_know_the_same_accounts(world: World) -> None:
    rows = world.admin.execute("SELECT code, type, normal_side FROM ledger.accounts").fetchall()
    assert {code for code, _, _ in rows} == {account.value for account in Account}
    assert {(kind, side) for _, kind, side in rows} <= {
        ("asset", "debit"), ("liability", "credit"), ("income", "credit"), ("income", "debit"), ("expense", "debit"),
    }  # fmt: skip
