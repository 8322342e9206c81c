"""Answer a valid request: create, read, list, change and delete objects."""

from __future__ import annotations

import copy
import dataclasses
import threading
from typing import TYPE_CHECKING, Any

from tests.oracles.new_objects import NewObjects
from tests.oracles.stripe_connect import CONNECTING, take_back
from tests.oracles.stripe_discounts import give_discounts
from tests.oracles.stripe_effects import EFFECTS, cancel_subscription
from tests.oracles.stripe_errors import StripeError, declined, no_such
from tests.oracles.stripe_expansion import expand
from tests.oracles.stripe_filling import Filling
from tests.oracles.stripe_form import param_name
from tests.oracles.stripe_listing import equals, filtered, page, search_page
from tests.oracles.stripe_objects import ObjectStore, is_list
from tests.oracles.stripe_ripples import after_creation, after_deletion, before_creation
from tests.oracles.stripe_rules import DECLINED_CARDS, REFERENCES, STATE_RULES
from tests.oracles.stripe_schedules import SCHEDULING
from tests.oracles.stripe_sums import reckon_preview
from tests.oracles.stripe_validation import check_metadata

if TYPE_CHECKING:
    from tests.oracles.sdk_annotations import Schema
    from tests.oracles.server_clock import ServerClock
    from tests.oracles.stripe_contract import Contract, Operation

Json = dict[str, Any]

TEST_TOKENS = ("pm_card_", "tok_")
# Answers that describe what would be; nothing of them is stored.
EPHEMERAL = {("post", "/v1/invoices/create_preview")}
# Maps with keys of the caller's own choosing.
FREE_MAPS = {"metadata", "payload"}
# A row that stands in a list of the object that one of its fields names.
HELD_ROWS = {"subscription_item": ("subscription", "items")}


@dataclasses.dataclass(frozen=True)
class ApiCall:
    """A request whose parameters have been checked."""

    operation: Operation
    ids: dict[str, str]
    params: Json
    account: str | None = None
    path: str = ""


class Backend:
    """The objects of all accounts, and what each operation does to them.

    :param strict_ids: an unknown id is a 404 and lists start empty; otherwise whatever is asked
        for comes into being.
    :param search_lag: how many seconds of the server's time pass before a search finds an object.
    """

    def __init__(
        self, contract: Contract, clock: ServerClock, *, strict_ids: bool, search_lag: float = 0.0
    ) -> None:
        self.contract = contract
        self.clock = clock
        self.strict_ids = strict_ids
        self.search_lag = search_lag
        self.new = NewObjects(contract, clock)
        self.lock = threading.RLock()
        self.stores: dict[str | None, ObjectStore] = {}

    def reset(self) -> None:
        """Forget every object."""
        with self.lock:
            self.stores.clear()

    def store(self, account: str | None) -> ObjectStore:
        """Return the objects of a connected account, or of the platform (None)."""
        return self.stores.setdefault(account, ObjectStore())

    def prime(self, obj: Json, account: str | None = None) -> None:
        """Store an object as it is, so that reading it returns exactly that.

        :raises ValueError: for something without a kind (``object``) and an id.
        """
        if not obj.get("object") or not obj.get("id"):
            raise ValueError("Only an object with an `object` and an `id` can be primed.")
        with self.lock:
            self.store(account).put(copy.deepcopy(obj))

    def answer(self, call: ApiCall) -> Json:
        """Do what a call asks for and return the answer's body."""
        with self.lock:
            return _Answer(self, call).body()


class _Answer:
    """One call being answered, with the lock held."""

    def __init__(self, backend: Backend, call: ApiCall) -> None:
        self.backend = backend
        self.contract = backend.contract
        self.call = call
        self.store = backend.store(call.account)
        self.filling = Filling(self.contract, backend.new, self.lookup)

    def body(self) -> Json:
        operation, params = self.call.operation, self.call.params
        own_kinds = self.own_kinds()
        self.check_parents(own_kinds)
        if operation.verb == "post" and self.backend.strict_ids:
            self.check_references(params, ())
        row_schema = self.contract.item_schema(operation.answer)
        if row_schema is not None:
            answer = self.listing(row_schema)
            return self.expanded(answer, operation.answer)
        kind, schema = self.contract.resource(operation.answer)
        if kind and kind.startswith("deleted_"):
            return self.deletion(kind, own_kinds)
        if own_kinds:
            obj = self.own_object(own_kinds)
            if operation.verb != "get" and not obj.get("deleted"):
                self.change(obj, schema)
        elif operation.verb == "get":
            obj = self.singleton(kind or "object")
        else:
            obj = self.creation(kind or "object", schema)
        return self.expanded(copy.deepcopy(obj), schema)

    def expanded(self, answer: Json, schema: Schema) -> Json:
        wishes = self.call.params.get("expand", ())
        return expand(answer, schema, wishes, self.contract, self)

    @property
    def new(self) -> NewObjects:
        """Makes objects with ids and times."""
        return self.backend.new

    def keep(self, obj: Json) -> None:
        """Store an object that an action made beside the one that it answers with."""
        self.store.put(obj)

    # Which object a call is about

    def own_kinds(self) -> list[str]:
        """Return the kinds of the object that the path itself names, if it names one.

        ``/v1/invoices/{invoice}`` does, and so does ``/v1/invoices/{invoice}/pay``, because it
        answers with what ``/v1/invoices/{invoice}`` answers with.
        """
        operation = self.call.operation
        answered = [kind.removeprefix("deleted_") for kind in self.contract.kinds(operation.answer)]
        if operation.last_segment.startswith("{"):
            return answered
        at_base = self.contract.kinds_at(operation.path.rpartition("/")[0])
        return [kind for kind in answered if kind in at_base]

    def own_object(self, kinds: list[str]) -> Json:
        object_id = list(self.call.ids.values())[-1]
        if self.call.operation.key == ("post", "/v1/payment_methods/{}/attach"):
            if object_id in DECLINED_CARDS:
                raise declined(DECLINED_CARDS[object_id])
            if object_id.startswith(TEST_TOKENS):
                card = self.backend.new.make_test_card(object_id)
                self.store.put(card)
                return card
        gone = self.store.gone(kinds, object_id)
        if gone is not None and "customer" in kinds and self.call.operation.verb == "get":
            return gone  # a deleted customer can still be read; other kinds can't
        obj = self.lookup(kinds, object_id)
        for name, holder_id in list(self.call.ids.items())[:-1]:
            held_by = obj.get(name)
            if self.backend.strict_ids and isinstance(held_by, str) and held_by != holder_id:
                raise no_such(kinds[0], object_id)
        return obj

    def lookup(self, kinds: list[str], object_id: str, param: str = "id") -> Json:
        """Return an object of one of the kinds.

        :raises StripeError: ``resource_missing`` for an unknown or deleted one, with strict ids.
        """
        found = self.store.find(kinds, object_id)
        if found is not None:
            return found
        gone = self.store.gone(kinds, object_id) is not None
        token = object_id.startswith(TEST_TOKENS)
        if gone or (self.backend.strict_ids and not token):
            raise no_such(kinds[0] if kinds else "object", object_id, param=param)
        made = self.backend.new.make(kinds[0], object_id)
        if not token:
            self.store.put(made)
        return made

    def rows_of(self, kinds: list[str], holder: Json) -> list[Json]:
        """Return the objects of these kinds that name the holder in the field of its kind."""
        field, holder_id = str(holder.get("object")), holder.get("id")
        return [row for row in self.store.rows(kinds) if equals(row.get(field), holder_id)]

    def check_parents(self, own_kinds: list[str]) -> None:
        """Refuse a path below an object that doesn't exist."""
        segments = self.call.operation.path.split("/")
        last = max((at for at, part in enumerate(segments) if part.startswith("{")), default=0)
        for at, segment in enumerate(segments):
            if segment.startswith("{") and not (own_kinds and at == last):
                kinds = self.contract.kinds_at("/".join(segments[: at + 1]))
                if kinds:
                    self.lookup(kinds, self.call.ids[segment[1:-1]])

    def check_references(self, params: Any, path: tuple[str, ...]) -> None:
        """Refuse the id of an object that doesn't exist, wherever the parameters name one."""
        pairs = params.items() if isinstance(params, dict) else enumerate(params)
        for name, value in pairs:
            here = (*path, str(name))
            if name in FREE_MAPS:
                continue
            if isinstance(value, dict | list):
                self.check_references(value, here)
            elif name in REFERENCES and isinstance(value, str) and value:
                self.lookup(list(REFERENCES[name]), value, param_name(here))

    # What a call does

    def listing(self, row_schema: Schema) -> Json:
        operation, params, ids = self.call.operation, self.call.params, self.call.ids
        kinds = self.contract.kinds(row_schema)
        url = self.call.path or operation.path
        parent_kinds = self.contract.kinds_at(operation.path.rpartition("/")[0])
        if parent_kinds:
            parent = self.lookup(parent_kinds, list(ids.values())[-1])
            held = parent.get(operation.last_segment)
            if is_list(held):
                return copy.deepcopy(page(held["data"], params, url))
        rows = self.store.rows(kinds)
        if not rows and not self.backend.strict_ids and kinds:
            rows = [self.backend.new.make(kinds[0])]
        if "query" in params:
            latest = self.backend.clock.now() - self.backend.search_lag
            found = [row for row in rows if (row.get("created") or 0) <= latest]
            return copy.deepcopy(search_page(found, params, url))
        known = set(self.contract.resource(row_schema)[1].get("properties", ()))
        return copy.deepcopy(page(filtered(rows, {**ids, **params}, known), params, url))

    def singleton(self, kind: str) -> Json:
        """Return the one object of a kind that an account has, such as its balance."""
        if kind not in self.store.singletons:
            self.store.singletons[kind] = self.backend.new.make(kind)
        return self.store.singletons[kind]

    def creation(self, kind: str, schema: Schema) -> Json:
        wished = self.call.params.get("id")
        if wished and self.store.find([kind], wished):
            message = f"{kind.capitalize()} already exists."
            raise StripeError(message, param="id", code="resource_already_exists")
        obj = self.backend.new.make(kind, wished)
        self.filling.fill(obj, self.call.ids, schema, created=True)
        self.change(obj, schema, created=True)
        if kind == "transfer_reversal":
            transfer = self.lookup(["transfer"], list(self.call.ids.values())[-1])
            take_back(transfer, obj, self.call.params)
        before_creation(self.store, obj, self.call.params)
        if self.call.operation.key in EPHEMERAL and self.call.params.get("subscription"):
            about = self.lookup(["subscription"], self.call.params["subscription"])
            obj.update(customer=about["customer"], currency=about["currency"], status="draft")
        elif self.call.operation.key in EPHEMERAL:
            reckon_preview(self.store, obj, self.call.params)
        if self.call.operation.key not in EPHEMERAL and obj.get("id"):
            rows = self.rows_beside(obj)
            if rows is None:
                self.store.put(obj)
            else:
                rows.append(obj)
            after_creation(self.store, obj)
        return obj

    def rows_beside(self, row: Json) -> list[Json] | None:
        """Return the list, inside the object that it belongs to, where a new row stands."""
        field, name = HELD_ROWS.get(row["object"], ("", ""))
        holder = self.store.find([field], row[field]) if isinstance(row.get(field), str) else None
        held = (holder or {}).get(name)
        return held["data"] if is_list(held) else None

    def change(self, obj: Json, schema: Schema, *, created: bool = False) -> None:
        """Apply the parameters and the action's effects; the rules come first, so that a refused
        call leaves the object as it was.
        """
        call = self.call
        if not created:
            for rule in STATE_RULES.get(call.operation.key, ()):
                if not rule.holds(obj, call.params):
                    raise rule.refusal(obj)
        self.check_attachment(obj, call.params)
        changed = self.filling.fill(copy.deepcopy(obj), call.params, schema, created=created)
        if obj.get("object") == "subscription_item":
            self.filling.fill_row(changed, call.params, schema)
        if "metadata" in changed:
            check_metadata(changed["metadata"] or {})
        effect = EFFECTS.get(call.operation.key)
        if effect is not None:
            effect(changed, call.params, int(self.backend.clock.now()))
        is_discounted = obj.get("object") in ("subscription", "invoice")
        is_made = call.operation.key not in EPHEMERAL
        if is_discounted and is_made and "discounts" in call.params:
            give_discounts(self.backend.new, self.keep, self.lookup, changed, call.params)
        beside = (SCHEDULING | CONNECTING).get(call.operation.key)
        if beside is not None:
            beside(self, changed, call.params, int(self.backend.clock.now()))
        obj.clear()
        obj.update(changed)

    def check_attachment(self, obj: Json, params: Json) -> None:
        """Refuse a default payment method that isn't attached to the customer."""
        if not self.backend.strict_ids:
            return
        settings = params.get("invoice_settings")
        inside = settings.get("default_payment_method") if isinstance(settings, dict) else None
        method_id = inside or params.get("default_payment_method")
        if not method_id or obj.get("object") not in ("customer", "subscription"):
            return
        is_customer = obj["object"] == "customer"
        customer = obj["id"] if is_customer else params.get("customer", obj.get("customer"))
        method = self.lookup(list(REFERENCES["payment_method"]), method_id)
        if method.get("customer") != customer:
            raise StripeError(
                f"The customer does not have a payment method with the ID {method_id}. "
                "The payment method must be attached to the customer.",
                param="invoice_settings[default_payment_method]"
                if inside
                else "default_payment_method",
                code="resource_missing",
            )

    def deletion(self, kind: str, own_kinds: list[str]) -> Json:
        gone_kind = kind.removeprefix("deleted_")
        answer = {"object": gone_kind, **self.contract.sample(kind), "deleted": True}
        if own_kinds:
            obj = self.lookup(own_kinds, list(self.call.ids.values())[-1])
            for rule in STATE_RULES.get(self.call.operation.key, ()):
                if not rule.holds(obj, self.call.params):
                    raise rule.refusal(obj)
            answer["id"] = obj["id"]
            self.store.remove(gone_kind, obj["id"], answer)
            after_deletion(self.store, obj)
            if gone_kind == "customer":
                self.end_customer(obj["id"])
        return answer

    def end_customer(self, customer_id: str) -> None:
        """Cancel the subscriptions and detach the cards of a deleted customer."""
        for row in self.store.rows(["subscription", "payment_method"]):
            if row.get("customer") != customer_id:
                continue
            if row["object"] == "payment_method":
                row["customer"] = None
            elif row.get("status") not in ("canceled", "incomplete_expired"):
                cancel_subscription(row, {}, int(self.backend.clock.now()))
