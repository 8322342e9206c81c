from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from flask_accrue import billing, errors, models

if TYPE_CHECKING:
    from flask_accrue.testing import Kit
    from tests.host import Organization


def test_a_second_customer_is_refused(kit: Kit, org: Organization) -> None:
    first = billing.customer(org)
    assert billing.customer(org) is first
    with pytest.raises(errors.InvalidState) as raised:
        billing.create_customer(org)
    assert raised.value.code == "customer_exists"


def test_a_deleted_customer_is_made_anew(kit: Kit, subscription: models.Subscription) -> None:
    dead = subscription.customer
    org = kit.state.db.session.scalars(sa.select(type_of_owner())).one()
    kit.fake.delete_customer(dead.processor_id)
    kit.deliver()
    assert billing.get_customer(org) is None
    assert subscription.is_ended
    alive = billing.customer(org)
    assert alive.processor_id != dead.processor_id
    assert (dead.generation, alive.generation) == (1, 2)


def type_of_owner() -> type[Organization]:
    from tests.host import Organization

    return Organization


def test_news_while_a_customer_is_fetched_arent_overwritten(
    kit: Kit, org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = billing.customer(org)
    kit.deliver()
    kit.advance(seconds=1)
    fetch = kit.fake.fetch

    def overtaken(kind: str, processor_id: str, **options: object) -> object:
        answer = fetch(kind, processor_id)
        monkeypatch.setattr(kit.fake, "fetch", fetch)
        kit.fake.update_customer(processor_id, {"name": "Newer"}, key="elsewhere")
        kit.fake.deliver(kit.app)
        return answer

    monkeypatch.setattr(kit.fake, "fetch", overtaken)
    billing.sync_customer(org)
    kit.state.db.session.expire_all()
    assert row.name == "Newer"


def test_metadata_is_merged_and_a_zone_is_ours_alone(kit: Kit, org: Organization) -> None:
    billing.update_customer(org, metadata={"a": "1", "b": "2"})
    row = billing.update_customer(org, metadata={"a": ""}, preferred_timezone="Europe/Berlin")
    assert "a" not in row.meta
    assert row.meta["b"] == "2"
    assert row.preferred_timezone == "Europe/Berlin"


def test_a_zone_is_taken_away_again(kit: Kit, org: Organization) -> None:
    billing.update_customer(org, preferred_timezone="Europe/Berlin")
    assert billing.update_customer(org, name="Acme").preferred_timezone == "Europe/Berlin"
    assert billing.update_customer(org, preferred_timezone=None).preferred_timezone is None


def test_a_purged_customer_never_comes_back(kit: Kit, org: Organization) -> None:
    session, made = kit.state.db.session, []
    for make in (
        lambda: billing.customer(org),
        lambda: billing.create_customer(org, operation_id="by hand"),
        lambda: billing.customer(org),
    ):
        session.execute(sa.delete(models.Customer))
        session.commit()
        made.append(make().processor_id)
        kit.deliver()
        if len(made) < 3:
            kit.fake.delete_customer(made[-1])
    assert len(set(made)) == 3
    # Who repeats the old operation is told, and gets neither the dead one nor another.
    with pytest.raises(errors.InvalidState) as raised:
        billing.create_customer(org, operation_id="by hand")
    assert raised.value.code == "result_purged"
    kit.deliver()
    assert billing.customer(org).processor_id == made[-1]


def test_a_customer_that_is_found_deleted_is_made_anew_before_any_news_of_it(
    kit: Kit, org: Organization
) -> None:
    dead = billing.customer(org)
    kit.deliver()
    kit.advance(seconds=1)
    kit.fake.delete_customer(dead.processor_id)
    assert billing.sync_customer(org) is None
    assert billing.get_customer(org) is None
    alive = billing.customer(org)
    assert alive.processor_id != dead.processor_id
    kit.deliver()
    assert dead.is_deleted
    assert billing.get_customer(org) is alive
    kit.assert_settled()


def test_a_customer_that_the_processor_knows_nothing_of_is_deleted_here(
    kit: Kit, subscription: models.Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subscription.customer

    def unknown(kind: str, processor_id: str, **options: object) -> object:
        raise errors.NotFound(f"No such {kind}.")

    monkeypatch.setattr(kit.fake, "fetch", unknown)
    assert billing.sync_customer(dead) is None
    assert dead.is_deleted
    assert subscription.is_ended


def test_each_owner_has_a_customer_of_their_own(kit: Kit, org: Organization) -> None:
    from tests.host import Organization

    other = Organization(name="Acme", email=org.email)
    kit.state.db.session.add(other)
    kit.state.db.session.commit()
    assert billing.customer(org).processor_id != billing.customer(other).processor_id
    assert [row.owner_id for row in billing.search("Acme")] == [str(other.id), str(org.id)]
    assert billing.search("100%") == []
