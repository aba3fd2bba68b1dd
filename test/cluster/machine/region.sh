#!/usr/bin/env bash
# A region: one Kubernetes node with its own control plane, DNS and KEDA, in a network namespace of this machine.
#   region.sh up NAME INDEX        makes it, prints the path of its kubeconfig; INDEX, 1 to 9, picks the addresses
#   region.sh down NAME            ends it and removes its files, also after `up` was cut short
#   region.sh stop NAME PROCESS    ends one process at once: apiserver, kubelet, controllers, ...
#   region.sh start NAME PROCESS   starts it again; returns when an API server answers
# From this machine all is reachable by address: the API server at https://10.210.INDEX.2:6443, pods in 10.211.INDEX.0/24,
# services in 10.212.INDEX.0/24. Images come from host.sh's registry, which is localhost:5000 in the region too.
# Needs root, the binaries of build.sh, host.sh up, and Debian's packages in packages.txt.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/paths.sh"
usage="usage: $0 up NAME INDEX | down NAME | stop|start NAME PROCESS"
action=${1:?$usage} name=${2:?$usage}
root=$state/$name
network=fullcode-$name
link=fc-$name
export KUBECONFIG=$root/kubeconfig PATH=$cache:$PATH

# --- processes

# Where the kernel lists the region's processes, however they were started; pods are in the second.
daemons_group=fullcode-$name pods_group=fullcode-$name-pods
case $(stat -fc %T /sys/fs/cgroup) in
  cgroup2fs) hierarchies=(/sys/fs/cgroup) daemons=/sys/fs/cgroup/$daemons_group ;;
  *) hierarchies=(/sys/fs/cgroup/*/) daemons=/sys/fs/cgroup/pids/$daemons_group ;;
esac

inside=(nsenter "--net=/run/netns/$network")

# define PROCESS COMMAND…: what `start` runs
define() { printf '%q ' exec "${@:2}" >"$root/run/$1.sh"; }

start() {
  setsid nohup bash -c 'echo $$ >"$1" && echo $$ >"$2" && . "$3"' region \
    "$daemons/cgroup.procs" "$root/run/$1.pid" "$root/run/$1.sh" >>"$root/log/$1.log" 2>&1 </dev/null &
}

stop() { kill -9 "$(cat "$root/run/$1.pid")"; }

# ready PROCESS COMMAND…: waits until the command succeeds; fails with the process' log after a minute
ready() {
  local end=$((SECONDS + 60))
  until "${@:2}" >/dev/null 2>&1; do
    if [ $SECONDS -gt $end ]; then
      echo "region $name: $1 does not get ready:" >&2
      tail -20 "$root/log/$1.log" >&2
      exit 1
    fi
    sleep 0.2
  done
}

api_ready() { ready apiserver kubectl get --raw /readyz; }

down() {
  local groups=() processes mounts hierarchy tries
  for hierarchy in "${hierarchies[@]}"; do
    for group in "$hierarchy/$daemons_group" "$hierarchy/$pods_group"; do
      if [ -d "$group" ]; then groups+=("$group"); fi
    done
  done
  for tries in {1..50}; do
    if [ ${#groups[@]} = 0 ]; then break; fi
    processes=$(find "${groups[@]}" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un)
    if [ -z "$processes" ]; then break; fi
    xargs kill -9 <<<"$processes" 2>/dev/null || true
    sleep 0.1
  done
  ip link delete "$link" 2>/dev/null || true
  ip netns delete "$network" 2>/dev/null || true
  for tries in 1 2 3; do # mounts lie on mounts
    mounts=$(grep -o " $root/[^ ]*" /proc/mounts | sort -r) || break
    xargs -n1 umount -l <<<"$mounts" 2>/dev/null || true
  done
  for tries in {1..50}; do
    if [ ${#groups[@]} = 0 ]; then break; fi
    if find "${groups[@]}" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi
    sleep 0.1
  done
  find /var/log/containers -lname "$root/*" -delete 2>/dev/null || true
  rm -rf --one-file-system "$root"
}

# --- what a region is made of

addresses() {
  host=10.210.$1.1 node=10.210.$1.2 pods=10.211.$1.0/24 services=10.212.$1.0/24 api=10.212.$1.1 dns=10.212.$1.10
  if ip -o address show | grep -q " $host/"; then
    echo "region $name: the addresses of index $1 are taken by $(ip -o address show to "$host" | cut -d' ' -f2)" >&2
    exit 1
  fi
}

network() {
  ip netns add "$network"
  ip link add "$link" type veth peer name eth0 netns "$network"
  ip address add "$host/24" dev "$link"
  ip link set "$link" up
  ip -n "$network" address add "$node/24" dev eth0
  ip -n "$network" link set eth0 up
  ip -n "$network" link set lo up
  ip -n "$network" route add default via "$host"
  ip netns exec "$network" sysctl -qw net.ipv4.ip_forward=1
  ip route add "$pods" via "$node"
  ip route add "$services" via "$node"
}

control_groups() {
  local hierarchy controller
  for controller in cpu cpuset memory pids; do # where there is one hierarchy
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
  done
  for hierarchy in "${hierarchies[@]}"; do mkdir -p "$hierarchy/$pods_group" 2>/dev/null || true; done
  mkdir -p "$daemons"
  for controller in cpus mems; do # where there are many, a new set of processors is empty
    cat "/sys/fs/cgroup/cpuset/cpuset.$controller" >"/sys/fs/cgroup/cpuset/$pods_group/cpuset.$controller" 2>/dev/null || true
  done
}

certificates() {
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
  cd "$root/pki"
  openssl req -x509 "${key[@]}" -keyout ca.key -out ca.crt -days 30 -subj /CN=ca 2>/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out accounts.key
  openssl ec -in accounts.key -pubout -out accounts.pub 2>/dev/null
  certificate apiserver /CN=kube-apiserver "IP:$node,IP:$api,DNS:kubernetes.default.svc"
  certificate admin /O=system:masters/CN=admin
  certificate node "/O=system:nodes/CN=system:node:$name"
  certificate aggregator /CN=aggregator
  certificate keda /CN=keda DNS:keda-operator.keda.svc.cluster.local,DNS:keda-metrics-apiserver.keda.svc
  cd - >/dev/null
  kubeconfig admin "$KUBECONFIG"
  kubeconfig node "$root/node.kubeconfig"
}

# certificate FILE SUBJECT [NAMES]
certificate() {
  openssl req "${key[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" 2>/dev/null \
    -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\n%s\n' "${3:+subjectAltName=$3}")
}

# kubeconfig USER FILE: its context has the region's name
kubeconfig() {
  local pki=$root/pki
  {
    kubectl --kubeconfig "$2" config set-cluster "$name" --server="https://$node:6443" --certificate-authority="$pki/ca.crt" --embed-certs
    kubectl --kubeconfig "$2" config set-credentials "$name" --client-certificate="$pki/$1.crt" --client-key="$pki/$1.key" --embed-certs
    kubectl --kubeconfig "$2" config set-context "$name" --cluster="$name" --user="$name"
    kubectl --kubeconfig "$2" config use-context "$name"
  } >/dev/null
}

control_plane() {
  local pki=$root/pki etcd=http://127.0.0.1:2379
  define etcd "${inside[@]}" etcd --data-dir "$root/etcd" --unsafe-no-fsync --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
    --listen-peer-urls http://127.0.0.1:2380
  define apiserver "${inside[@]}" kube-apiserver --etcd-servers "$etcd" --bind-address "$node" --advertise-address "$node" \
    --service-cluster-ip-range "$services" --authorization-mode Node,RBAC \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --client-ca-file "$pki/ca.crt" \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/accounts.pub" \
    --service-account-signing-key-file "$pki/accounts.key" --kubelet-preferred-address-types InternalIP \
    --kubelet-client-certificate "$pki/admin.crt" --kubelet-client-key "$pki/admin.key" \
    --enable-aggregator-routing --proxy-client-cert-file "$pki/aggregator.crt" --proxy-client-key-file "$pki/aggregator.key" \
    --requestheader-client-ca-file "$pki/ca.crt" --requestheader-allowed-names aggregator \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra-
  # a scaled function is measured every 2 s instead of every 15, which tests would spend waiting
  define controllers "${inside[@]}" kube-controller-manager --kubeconfig "$KUBECONFIG" --root-ca-file "$pki/ca.crt" --bind-address 127.0.0.1 \
    --service-account-private-key-file "$pki/accounts.key" --leader-elect=false --horizontal-pod-autoscaler-sync-period 2s
  define scheduler "${inside[@]}" kube-scheduler --kubeconfig "$KUBECONFIG" --leader-elect=false --bind-address 127.0.0.1
  start etcd
  start apiserver
  api_ready
  start controllers
  start scheduler
}

machine() {
  cat >"$root/containerd.toml" <<TOML
version = 2
root = "$root/containerd"
state = "$root/run/containerd"
[grpc]
  address = "$root/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost:5000/pause:1"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$root/cni"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:5000"]
    endpoint = ["http://$host:5000"]
TOML
  cat >"$root/cni/bridge.conflist" <<JSON
{ "cniVersion": "0.4.0", "name": "bridge", "plugins": [
  { "type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": true, "hairpinMode": true, "ipam":
    { "type": "host-local", "dataDir": "$root/addresses", "ranges": [[{ "subnet": "$pods" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } }
] }
JSON
  cat >"$root/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node
authentication: { anonymous: { enabled: false }, webhook: { enabled: false }, x509: { clientCAFile: $root/pki/ca.crt } }
authorization: { mode: AlwaysAllow }
cgroupDriver: cgroupfs
cgroupRoot: /$pods_group
enforceNodeAllocatable: []
failSwapOn: false
containerRuntimeEndpoint: unix://$root/containerd.sock
clusterDNS: [$dns]
clusterDomain: cluster.local
resolvConf: ""
podLogsDir: $root/log/pods
evictionHard: { memory.available: 100Mi }
registryPullQPS: 0
serializeImagePulls: false
YAML
  define registry socat "TCP-LISTEN:5000,bind=$host,fork,reuseaddr" TCP:127.0.0.1:5000
  define containerd "${inside[@]}" containerd --config "$root/containerd.toml"
  define kubelet "${inside[@]}" kubelet --config "$root/kubelet.yaml" --kubeconfig "$root/node.kubeconfig" --root-dir "$root/kubelet" \
    --hostname-override "$name" --node-ip "$node"
  define proxy "${inside[@]}" kube-proxy --kubeconfig "$KUBECONFIG" --hostname-override "$name" --proxy-mode iptables --bind-address "$node" \
    --metrics-bind-address 127.0.0.1:10249 --healthz-bind-address 127.0.0.1:10256 --conntrack-max-per-core 0 --conntrack-min 0
  start registry
  start containerd
  ready containerd ctr --address "$root/containerd.sock" version
  start kubelet
  start proxy
  ready kubelet kubectl wait --for condition=Ready "node/$name" --timeout 1s
}

# A fixed number of volumes for claims of the default class, each emptied for the next claim.
volumes() {
  local volume path
  kubectl apply --server-side -f - >/dev/null <<YAML
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: local, annotations: { storageclass.kubernetes.io/is-default-class: "true" } }
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
YAML
  for volume in volume-{1..8}; do
    path=$root/volumes/$volume
    mkdir -p "$path"
    manifest volume
    echo ---
  done | kubectl apply --server-side -f - >/dev/null
  define volumes "$here/region.sh" recycle "$name"
  start volumes
}

recycle() {
  local volume phase
  while sleep 1; do
    kubectl get persistentvolumes --watch -o 'jsonpath={.metadata.name} {.status.phase}{"\n"}' |
      while read -r volume phase; do
        if [ "$phase" = Released ]; then empty "$volume"; fi
      done || true # the API server may be down for a while
  done
}

empty() {
  find "$root/volumes/$1" -mindepth 1 -delete
  kubectl patch persistentvolume "$1" --type json --patch '[{ "op": "remove", "path": "/spec/claimRef" }]' || true
}

# What is installed into every cluster.
additions() {
  local ca
  ca=$(base64 -w0 "$root/pki/ca.crt")
  kubectl create namespace keda >/dev/null
  kubectl --namespace keda create secret generic kedaorg-certs --from-file "$root/pki/ca.crt" \
    --from-file "tls.crt=$root/pki/keda.crt" --from-file "tls.key=$root/pki/keda.key" >/dev/null
  { manifest dns && echo --- && manifest keda; } | kubectl apply --server-side -f - >/dev/null
  kubectl apply --server-side -f "$cache/keda-crds" -f "$cache/gateway-api-crds" >/dev/null
  kubectl --namespace kube-system rollout status deployment/coredns --timeout 60s >/dev/null
  kubectl wait --for condition=Available apiservice/v1beta1.external.metrics.k8s.io --timeout 60s >/dev/null
}

# manifest NAME: the file with the variables that it names
manifest() {
  local text
  text=$(<"$here/manifests/$1.yaml")
  for variable in cache ca dns name path volume; do text=${text//"\${$variable}"/${!variable-}}; done
  echo "$text"
}

case $action in
  up)
    down
    addresses "${3:?$usage}"
    mkdir -p "$root"/{run,log,pki,cni}
    network
    control_groups
    certificates
    control_plane
    machine
    volumes
    additions
    echo "$KUBECONFIG"
    ;;
  down) down ;;
  stop) stop "${3:?$usage}" ;;
  start)
    start "${3:?$usage}"
    if [ "$3" = apiserver ]; then api_ready; fi
    ;;
  recycle) recycle ;;
  *)
    echo "$usage" >&2
    exit 2
    ;;
esac
