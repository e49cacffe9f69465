#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The torture of one turnod with its own database, in a size for every day.
set -eu
cd "${TURNO_TOP:-$(dirname "$0")/../..}"
if ! command -v python3 >/dev/null; then
    echo "1..0 # SKIP python3 is not installed"
    exit 0
fi
exec tests/torture/run --embedded --seconds "${TORTURE_SECONDS:-15}" --seed "${TORTURE_SEED:-1}"
