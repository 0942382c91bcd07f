"""The optimizers' dataclasses against the service's catalogue."""

import dataclasses

import numpy as np
import orjson
import pytest

from stepd.optimizers import CATALOGUE
from stepd_client import SGD, Adadelta, Adagrad, Optimizer, RMSprop
from stepd_client.optimizers import optimizer_document


def test_there_is_a_dataclass_per_rule_with_its_hyper_parameters():
    """Names and hyper-parameters are those of the catalogue, none missing and none more."""
    mine = {kind.name: {field.name for field in dataclasses.fields(kind)} for kind in Optimizer.__subclasses__()}
    theirs = {name: {parameter.name for parameter in rule.hyper_parameters} for name, rule in CATALOGUE.items()}
    assert mine == theirs


@pytest.mark.parametrize("kind", [Adadelta, Adagrad, RMSprop, SGD])
def test_docstrings_tell_the_default_of_the_service(kind):
    """Every default in the docstrings is the catalogue's."""
    documented = (Optimizer.__doc__ or "") + (kind.__doc__ or "")
    for parameter in CATALOGUE[kind.name].hyper_parameters:
        default = parameter.default
        told = {f"{default}", f"{default:g}", f"{default:g}".replace("e-0", "e-")}
        assert any(f" {text}." in documented or f" {text}:" in documented for text in told), parameter.name


def test_only_what_is_given_is_sent():
    """A hyper-parameter that is None is left to the service; one that is zero or False is not."""
    assert Adadelta().document() == {"name": "adadelta"}
    assert Adadelta(rho=0.9, weight_decay=0.0).document() == {"name": "adadelta", "weight_decay": 0.0, "rho": 0.9}
    assert SGD(nesterov=False, momentum=0.5).document() == {"name": "sgd", "momentum": 0.5, "nesterov": False}


def test_a_mapping_goes_as_it_is():
    """Rules that this version of the client does not know can be named by hand."""
    assert optimizer_document({"name": "new", "beta": 1}) == {"name": "new", "beta": 1}


def test_optimizers_are_immutable_and_keyword_only():
    """An optimizer is a value: equal by content, hashable, never changed, no argument by position."""
    assert Adadelta(rho=0.9) == Adadelta(rho=0.9) != Adadelta(rho=0.95)
    assert len({Adadelta(rho=0.9), Adadelta(rho=0.9), Adagrad()}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Adadelta().rho = 0.5
    with pytest.raises(TypeError):
        Adadelta(0.9)


def test_numpy_numbers_are_written_as_numbers():
    """A hyper-parameter computed with NumPy can be sent."""
    assert orjson.loads(orjson.dumps(Adadelta(rho=float(np.float64(0.5))).document()))["rho"] == 0.5
