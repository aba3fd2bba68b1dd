#!/usr/bin/env bash
# What all regions share: a Docker Engine, and a registry on 127.0.0.1:5000 with
#   localhost:5000/pause:1   what holds a pod's namespaces
#   localhost:5000/node:20   Debian with curl and this machine's Node.js and npm, in place of the public base image
#   localhost:5000/nats:2    a NATS server
#   host.sh up     starts what does not run yet
#   host.sh down   ends what `up` started, and removes its files
# Needs root, the binaries of build.sh, and Debian's packages in packages.txt.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
root=$state/host
registry=127.0.0.1:5000

down() {
  local mount
  end_process "$root/dockerd.pid"
  end_process "$root/docker-run/containerd/containerd.pid"
  end_process "$root/registry.pid"
  { grep -o "$root/[^ ]*" /proc/mounts || true; } | sort -r | while read -r mount; do umount -l "$mount" || true; done
  rm -rf "$root"
}

# end_process FILE: asks the process whose id is in the file to end, and makes it after ten seconds
end_process() {
  local pid tries
  if ! [ -f "$1" ]; then return 0; fi
  pid=$(cat "$1")
  # the id may be another process' by now
  if ! grep -qs "$root" "/proc/$pid/cmdline"; then return 0; fi
  kill "$pid"
  for tries in {1..50}; do
    if ! kill -0 "$pid" 2>/dev/null; then return 0; fi
    sleep 0.2
  done
  kill -9 "$pid" 2>/dev/null || true
}

# start NAME COMMAND…: detached, with its output in NAME.log
start() {
  setsid nohup "${@:2}" >"$root/$1.log" 2>&1 </dev/null &
  echo $! >"$root/$1.pid"
}

# ready NAME COMMAND…: waits until the command succeeds; fails with the log of NAME after a minute
ready() {
  local tries
  for tries in {1..300}; do
    "${@:2}" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "$1 does not start:" >&2
  tail -20 "$root/$1.log" >&2
  exit 1
}

docker_engine() {
  ! docker info >/dev/null 2>&1 || return 0
  end_process "$root/docker-run/containerd/containerd.pid" # of an engine that was killed
  rm -rf "$root/docker-run" "$root/docker.pid"
  start dockerd dockerd --data-root "$root/docker" --exec-root "$root/docker-run" --pidfile "$root/docker.pid"
  ready dockerd docker info
}

image_registry() {
  ! curl -fs "http://$registry/v2/" >/dev/null || return 0
  cat >"$root/registry.yaml" <<YAML
version: 0.1
storage: { filesystem: { rootdirectory: $root/registry }, delete: { enabled: true } }
http: { addr: $registry }
YAML
  start registry docker-registry serve "$root/registry.yaml"
  ready registry curl -fs "http://$registry/v2/"
}

# lacks NAME:TAG: whether the registry has no such image
lacks() { ! curl -fs "http://$registry/v2/${1%:*}/manifests/${1#*:}" >/dev/null; }

# image NAME:TAG [--change INSTRUCTION]… <TAR: makes an image of the files
image() {
  docker import "${@:2}" - "localhost:5000/$1" >/dev/null
  docker push --quiet "localhost:5000/$1"
}

# Prints the path of an archive with a root file system for Node.js; made once.
node_files() {
  local release files archive
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  archive=$cache/node-$(node --version)-$release.tar
  if ! [ -f "$archive" ]; then
    files=$root/node
    rm -rf "$files"
    debootstrap --variant=minbase --include=ca-certificates,curl,libstdc++6 "$release" "$files" >"$root/debootstrap.log"
    rm -rf "$files"/var/cache/apt/archives/*.deb "$files"/var/lib/apt/lists/*
    install -D "$(readlink -f "$(command -v node)")" "$files/usr/local/bin/node"
    mkdir -p "$files/usr/local/lib/node_modules"
    cp -rL "$(npm root --global)/npm" "$files/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$files/usr/local/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$files/usr/local/bin/npx"
    # builds install packages through whatever this machine trusts
    cp /etc/ssl/certs/ca-certificates.crt "$files/etc/ssl/certs/ca-certificates.crt"
    chroot "$files" useradd --uid 1000 --create-home --shell /bin/bash node
    tar -C "$files" -cf "$archive.part" . && mv "$archive.part" "$archive"
    rm -rf "$files"
  fi
  echo "$archive"
}

images() {
  local node
  if lacks pause:1; then tar -C "$cache" -c pause | image pause:1 --change 'ENTRYPOINT ["/pause"]'; fi
  if lacks nats:2; then
    tar -C "$cache" -c nats-server | image nats:2 --change 'ENV PATH=/' --change 'ENTRYPOINT ["/nats-server"]'
  fi
  if lacks node:20; then
    node=$(node_files)
    image node:20 --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
      --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["node"]' <"$node"
  fi
}

case ${1:-} in
  up)
    mkdir -p "$root"
    docker_engine
    image_registry
    images
    ;;
  down) down ;;
  *)
    echo "usage: $0 up|down" >&2
    exit 2
    ;;
esac
