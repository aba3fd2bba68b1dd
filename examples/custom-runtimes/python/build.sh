#!/usr/bin/env bash
# Makes the package, greeter.zip: build.sh [folder, relative to this one]
set -euo pipefail
cd "$(dirname "$0")"
package=${1:-build}

mkdir -p "$package"
python3 -m zipfile --create "$package/greeter.zip" bootstrap greeter.py conformance.py
