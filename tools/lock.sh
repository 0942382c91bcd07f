#!/bin/sh
# Resolves pyproject.toml into requirements/*.txt for every Python and platform, with hashes and without any address.
# Needs uv on the PATH (pip install uv).
set -eu
cd "$(dirname "$0")/.."
# Benchmarks measure what is served: the versions of `serve`.
for target in "serve:--extra fast" "demo:--extra fast --extra demo" "dev:--extra fast --extra demo --extra postgresql --group dev" \
    "bench:--extra fast --group bench --constraint requirements/serve.txt"; do
    # Extras stay in the pins (coverage[toml]): older pips take them for another package, which nothing pins.
    # shellcheck disable=SC2086 # what follows the name is several words
    uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --no-strip-extras --group build ${target#*:} pyproject.toml -o "requirements/${target%%:*}.txt"
done
