# shellcheck shell=bash
# Where the scripts beside this keep what they build (kept) and what they run (removed by their `down`).
# shellcheck disable=SC2034
cache=${TEST_CLUSTER_CACHE:-$HOME/.cache/fullcode-test-cluster}
state=${TEST_CLUSTER_STATE:-/var/lib/fullcode-test-cluster}
