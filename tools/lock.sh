#!/bin/sh
# Resolves pyproject.toml into requirements/*.txt for every Python and platform, with hashes and without any address.
# Needs uv on the PATH (pip install uv).
set -eu
cd "$(dirname "$0")/.."
for target in "serve:--group build" "dev:--group build --group dev"; do
    # shellcheck disable=SC2086 # the groups are several words
    uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --extra fast ${target#*:} pyproject.toml -o "requirements/${target%%:*}.txt"
done
