#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The live run in a size for every day; the whole one is tests/replay/run.
set -eu
cd "${TURNO_TOP:-$(dirname "$0")/../..}"
if ! command -v python3 >/dev/null; then
    echo "1..0 # SKIP python3 is not installed"
    exit 0
fi
exec tests/replay/run --requests 300 --agents 6 --kills 6 --seconds 25 --drain 120
