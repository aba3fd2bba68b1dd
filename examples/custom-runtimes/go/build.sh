#!/usr/bin/env bash
# Makes the package, a folder with the program alone: build.sh [folder, relative to this one]
set -euo pipefail
cd "$(dirname "$0")"
package=${1:-build}

CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o "$package/bootstrap" .
