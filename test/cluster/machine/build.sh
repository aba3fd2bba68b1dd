#!/usr/bin/env bash
# Builds what test clusters run, from Go modules: Kubernetes, KEDA, CoreDNS and NATS.
#   build.sh   builds what the cache lacks, and what it has of another version
# From nothing it takes 12 to 25 minutes on two cores, and 6 GB of Go's own caches; otherwise a second.
# Needs Go 1.26, or one from 1.21 on that may fetch it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
export CGO_ENABLED=0 GOFLAGS="-mod=mod -trimpath" GOWORK=off
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# part NAME VERSION: calls build_NAME VERSION in an empty folder; what it leaves in out/ goes to the cache
part() {
  local name=$1 version=$2 stamp=$cache/.built/$1
  [ "$(cat "$stamp" 2>/dev/null)" != "$version" ] || return 0
  local since=$SECONDS
  echo "building $name $version"
  mkdir -p "$work/$name/out" "$cache/.built"
  rm -f "$stamp"
  (cd "$work/$name" && "build_$name" "$version")
  cp -r "$work/$name/out/." "$work/$name/ready" && chmod -R u+w "$work/$name/ready"
  for file in "$work/$name/ready"/*; do
    rm -rf "$cache/${file##*/}" && mv "$file" "$cache/"
  done
  echo "$version" >"$stamp"
  echo "built $name in $((SECONDS - since)) s"
}

# module PATH VERSION: downloads a module, prints its folder
module() { (cd / && go mod download -json "$1@v$2") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

build_kubernetes() {
  local source version="k8s.io/component-base/version"
  source=$(module k8s.io/kubernetes "$1")
  go mod init test-cluster 2>/dev/null
  # the modules that Kubernetes has in its own tree are published as v0.<minor>.<patch>
  awk -v version="v0.${1#1.}" '$2 == "=>" && $3 ~ /staging/ { print "-replace=" $1 "=" $1 "@" version }' "$source/go.mod" |
    xargs go mod edit -require="k8s.io/kubernetes@v$1"
  go build -o out/ -ldflags "-s -w -X $version.gitVersion=v$1 -X $version.gitMajor=1 -X $version.gitMinor=$(cut -d. -f2 <<<"$1")" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,kubectl}
}

build_keda() {
  local source
  source=$(module github.com/kedacore/keda/v2 "$1")
  # with KEDA's own replacements, which count in the main module only
  cp "$source/go.mod" . && chmod u+w go.mod
  go mod edit -module=test-cluster -require="github.com/kedacore/keda/v2@v$1"
  go build -o out/keda-operator -ldflags "-s -w" github.com/kedacore/keda/v2/cmd/operator
  go build -o out/keda-adapter -ldflags "-s -w" github.com/kedacore/keda/v2/cmd/adapter
  cp -r "$source/config/crd/bases" out/keda-crds
}

build_coredns() {
  go mod init test-cluster 2>/dev/null
  go get "github.com/coredns/coredns@v$1"
  go build -o out/ -ldflags "-s -w" github.com/coredns/coredns
}

build_nats() {
  go mod init test-cluster 2>/dev/null
  go get "github.com/nats-io/nats-server/v2@v$1"
  go build -o out/ -ldflags "-s -w" github.com/nats-io/nats-server/v2
}

build_gatewayapi() {
  cp -r "$(module sigs.k8s.io/gateway-api "$1")/config/crd/standard" out/gateway-api-crds
}

# what keeps a pod's namespaces open
build_pause() {
  go mod init pause 2>/dev/null
  cat >main.go <<'GO'
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
GO
  go build -o out/ -ldflags "-s -w" .
}

if ! command -v go >/dev/null; then
  echo "test/cluster/machine/build.sh needs Go (go.dev/doc/install)" >&2
  exit 1
fi
part pause 1
part nats 2.15.2
part coredns 1.15.0
part gatewayapi 1.4.0
part kubernetes 1.34.4
part keda 2.20.2
