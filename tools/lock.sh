#!/bin/sh
# Resolves pyproject.toml into requirements/*.txt for every Python and platform, with hashes and without any address.
# Needs uv on the PATH (pip install uv).
set -eu
cd "$(dirname "$0")/.."
for target in "serve:--extra fast" "demo:--extra fast --extra demo" "dev:--extra fast --extra demo --group dev"; do
    # Extras stay in the pins (coverage[toml]): older pips take them for another package, which nothing pins.
    # shellcheck disable=SC2086 # extras and groups are several words
    uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --no-strip-extras --group build ${target#*:} pyproject.toml -o "requirements/${target%%:*}.txt"
done
