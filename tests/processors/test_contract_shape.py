from __future__ import annotations

import inspect

import pytest

from flask_accrue.errors import UnsupportedByProcessor
from flask_accrue.processors import Capability, Processor
from flask_accrue.processors.fake import FakeProcessor
from flask_accrue.processors.stripe import StripeProcessor

PROCESSORS = [FakeProcessor, StripeProcessor]
CALLS = [
    name
    for name, value in vars(Processor).items()
    if inspect.isfunction(value) and not name.startswith("_")
]


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_takes_what_the_contract_says(processor, call):
    theirs, ours = (
        [
            (each.name, each.kind, each.default)
            for each in inspect.signature(call_).parameters.values()
        ]
        for call_ in (getattr(Processor, call), getattr(processor, call))
    )

    assert ours == theirs


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_processor_carries_out_every_call_of_the_contract(processor):
    common = {"can", "require", "read_envelope", "storable"}
    reading = {"default_payment_method_of", "is_simulated"}

    left_out = [call for call in CALLS if call not in vars(processor)]

    assert set(left_out) <= common | reading


def test_what_is_not_declared_is_refused_before_anything_is_done(tmp_path):
    fake = FakeProcessor(tmp_path / "fake.sqlite")

    for capability in Capability:
        if not fake.can(capability):
            with pytest.raises(UnsupportedByProcessor, match="fake can't do this"):
                fake.require(capability)
    assert not fake.can(Capability.HOSTED_PAGES)
    assert list(tmp_path.iterdir()) == []
