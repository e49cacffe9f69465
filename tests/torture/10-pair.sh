#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The torture of two turnod on a replicated database, in a size for every day; the whole one is make torture.
set -eu
cd "${TURNO_TOP:-$(dirname "$0")/../..}"
if ! command -v python3 >/dev/null; then
    echo "1..0 # SKIP python3 is not installed"
    exit 0
fi
exec tests/torture/run --seconds "${TORTURE_SECONDS:-40}" --seed "${TORTURE_SEED:-1}"
