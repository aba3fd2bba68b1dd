#!/usr/bin/env bash
# Makes the package, greeter.jar: build.sh [folder, relative to this one]
set -euo pipefail
cd "$(dirname "$0")"
package=${1:-build}

classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
javac --release 17 -Xlint:all -d "$classes" src/*/*.java
mkdir -p "$package"
jar --create --file "$package/greeter.jar" -C "$classes" . bootstrap
