"""The machine code of the compiled driver: no fused multiply-add, no re-association, nothing compiled during a step.

What is looked for is also shown to be found, in a kernel compiled with fast-math on purpose.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stepd.optimizers import CATALOGUE, resolve
from stepd.optimizers.compiled import CompiledDriver, compile_driver
from stepd.values import DTYPES
from tests.needs import require_module

# The flags of LLVM that let a compiler change bits, on an instruction that computes with floats.
FLAGS = re.compile(
    r"\b(?:fadd|fsub|fmul|fdiv|frem|fneg|fcmp|call|select|phi)\b[^\n]*?\b(fast|contract|reassoc|nnan|ninf|nsz|arcp|afn)\b"
)
FUSED_IR = re.compile(r"llvm\.(?:fma|fmuladd)\b")
# x86: vfmadd231sd, vfnmsub213ps, ...; ARM: fmadd, fmsub, fnmadd, fmla, fmls.
FUSED_ASM = re.compile(r"\bv?fn?m(?:add|sub|la|ls)\w*\b")

each_rule = pytest.mark.parametrize("name", CATALOGUE)
each_verb = pytest.mark.parametrize("verb", ["step", "advance"])
# A root or, where a rule has none, a product of several values at once: what a vectorized loop holds.
VECTORS = re.compile(r"(?:fmul|@llvm\.sqrt\.v\d+f\d+\(|fadd) ?<\d+ x (?:float|double)>")


def dispatcher(compiled: CompiledDriver, name: str, verb: str) -> Any:
    return getattr(compiled.dispatchers[name], verb)


def code_of(kernel: Any) -> list[tuple[str, str]]:
    """The LLVM code and the machine code of each dtype."""
    return [(kernel.inspect_llvm(signature), kernel.inspect_asm(signature)) for signature in kernel.signatures]


def without_strings(llvm: str) -> str:
    """The code without names and constants, in which any word may stand."""
    return re.sub(r'"[^"\n]*"|[@%][\w.$-]+', "", llvm)


@each_verb
@each_rule
def test_it_is_compiled_for_each_dtype_and_holds_the_formula(name: str, verb: str, compiled: CompiledDriver) -> None:
    """There is code for each dtype, and the products, sums and roots of the rule stand in it: the search sees them."""
    codes = code_of(dispatcher(compiled, name, verb))
    assert len(codes) == len(DTYPES)
    operations = ["fmul", "fadd"] if name == "sgd" else ["fmul", "fadd", "fdiv", "sqrt"]
    for llvm, asm in codes:
        assert all(operation in llvm for operation in operations)
        assert "mul" in asm


@each_verb
@each_rule
def test_no_flag_lets_the_compiler_change_bits(name: str, verb: str, compiled: CompiledDriver) -> None:
    """No instruction is flagged fast, contract, reassoc or any other of fast-math's parts."""
    for llvm, _ in code_of(dispatcher(compiled, name, verb)):
        assert FLAGS.findall(without_strings(llvm)) == []


@each_verb
@each_rule
def test_it_is_vectorized(name: str, verb: str, compiled: CompiledDriver) -> None:
    """Beside the state or in place, the loop takes several values at once."""
    for llvm, _ in code_of(dispatcher(compiled, name, verb)):
        assert VECTORS.search(llvm)


@each_verb
@each_rule
def test_nothing_is_fused(name: str, verb: str, compiled: CompiledDriver) -> None:
    """Neither LLVM's code nor the processor's holds a fused multiply-add."""
    for llvm, asm in code_of(dispatcher(compiled, name, verb)):
        assert FUSED_IR.findall(llvm) == []
        assert FUSED_ASM.findall(asm) == []


def compiled_with(fastmath: Any, function: Callable[..., Any]) -> tuple[str, str]:
    numba = require_module("numba", "pip install 'stepd[fast]'")
    kernel = numba.njit(numba.float64(numba.float64, numba.float64, numba.float64), fastmath=fastmath)(function)
    return code_of(kernel)[0]


def multiply_add(a: float, b: float, c: float) -> float:
    return a * b + c


def test_the_search_finds_fast_math() -> None:
    """Compiled with fast-math the same search finds the flags and, where the processor has one, the fused operation."""
    llvm, asm = compiled_with(True, multiply_add)
    assert "fast" in FLAGS.findall(without_strings(llvm))
    features = require_module("llvmlite.binding", "pip install 'stepd[fast]'").get_host_cpu_features()
    assert bool(FUSED_ASM.findall(asm)) == bool(features.get("fma") or features.get("neon"))


@pytest.mark.parametrize("flag", ["contract", "reassoc", "nnan", "ninf", "nsz", "arcp", "afn"])
def test_the_search_finds_each_flag(flag: str) -> None:
    """Each part of fast-math is found when it alone is switched on."""
    llvm, _ = compiled_with({flag}, multiply_add)
    assert set(FLAGS.findall(without_strings(llvm))) == {flag}


def test_the_search_finds_nothing_in_plain_code() -> None:
    """Without fast-math the same function shows neither flag nor fused operation."""
    llvm, asm = compiled_with(False, multiply_add)
    assert (FLAGS.findall(without_strings(llvm)), FUSED_IR.findall(llvm), FUSED_ASM.findall(asm)) == ([], [], [])


@pytest.mark.parametrize("dtype", DTYPES)
@each_rule
def test_no_step_compiles_anything(name: str, dtype: str, compiled: CompiledDriver) -> None:
    """Whichever of its arrays are read-only, a step runs code that was there: none waits for the compiler."""
    optimizer = resolve({"name": name}, DTYPES[dtype])
    rule, constants = optimizer.rule, optimizer.constants(DTYPES[dtype])
    verbs: Any = compiled.dispatchers[name]
    before = [list(kernel.signatures) for kernel in verbs]
    writeable, results = np.ones(3, dtype), [np.empty(3, dtype) for _ in range(1 + len(rule.slots))]
    fixed = writeable.copy()
    fixed.flags.writeable = False
    for grads, params, slot in np.ndindex(2, 2, 2):
        one, two, three = ((writeable, fixed)[which] for which in (grads, params, slot))
        slots = (three,) * len(rule.slots)
        assert compiled.step(rule, constants, one, two, slots, results[0], tuple(results[1:]))
    for grads_given in (writeable, fixed):
        compiled.advance(rule, constants, grads_given, np.ones(3, dtype), tuple(np.ones(3, dtype) for _ in rule.slots))
    assert [list(kernel.signatures) for kernel in verbs] == before


@each_rule
def test_arrays_of_another_dtype_are_refused(name: str, compiled: CompiledDriver) -> None:
    """The compiled code takes nothing for what it is not: vectors of two dtypes raise, and nothing is written."""
    optimizer = resolve({"name": name}, DTYPES["float64"])
    params, grads = np.ones(3), np.ones(3, "float32")
    slots = tuple(np.ones(3) for _ in optimizer.rule.slots)
    with pytest.raises(TypeError):
        compiled.advance(optimizer.rule, optimizer.constants(DTYPES["float64"]), grads, params, slots)
    assert [vector.tolist() for vector in (params, *slots)] == [[1.0] * 3] * (1 + len(slots))


def test_without_numba_there_is_no_compiled_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba is not installed, compiling raises ImportError and nothing else."""
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError):
        compile_driver(CATALOGUE.values())
