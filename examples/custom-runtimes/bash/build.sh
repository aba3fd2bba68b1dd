#!/usr/bin/env bash
# Makes the package, a folder: build.sh [folder, relative to this one]
set -euo pipefail
cd "$(dirname "$0")"
package=${1:-build}

mkdir -p "$package"
cp bootstrap greeter.sh conformance.sh "$package"
