"""Facts about the balance that the provider holds for the workspace."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.money import AmountMinor, Currency
from oppulence.sync.events.base import Fact


class BalanceTransactionRecorded(Fact, type="sync.balance_transaction.recorded", version=1):
    """The provider's balance changed by `net_minor`. Told once per balance transaction; the balance is the sum of them all."""

    transaction_type: Annotated[str, Field(description="The provider's type, such as `charge`, `payout`, `stripe_fee`.")]
    reporting_category: Annotated[str, Field(description="The provider's category for accounting, such as `charge`, `fee`.")]
    amount_minor: Annotated[AmountMinor, Field(description="Before the fee; below zero when money left.")]
    fee_minor: Annotated[int, Field(description="What the provider, and a platform, kept of it, taxes on that included.")]
    net_minor: Annotated[int, Field(description="`amount_minor` less `fee_minor`.")]
    source_id: Annotated[str | None, Field(description="What moved the money, such as a charge.")]
    available_at: Annotated[datetime | None, Field(description="When it can be paid out.")]
    exchange_rate: Annotated[
        str | None, Field(description="Exact decimal text: `source_amount_minor` times this is `amount_minor`; null if alike.")
    ]
    source_currency: Annotated[
        Currency | None, Field(description="The source's own currency, where money was converted and the source is known.")
    ]
    source_amount_minor: Annotated[int | None, Field(description="Minor units of `source_currency`, signed like `amount_minor`.")]
