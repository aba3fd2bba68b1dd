#!/usr/bin/env bash
# Makes the package, a folder with the program alone: build.sh [folder, relative to this one]
set -euo pipefail
cd "$(dirname "$0")"
package=${1:-build}

cargo build --release --locked --quiet
mkdir -p "$package"
cp "${CARGO_TARGET_DIR:-target}/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}release/bootstrap" "$package"
