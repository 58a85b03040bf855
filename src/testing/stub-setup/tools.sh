#!/bin/sh
# Stands in for every tool that scripts/setup-gpu.ts calls, by the name that it is called by. What they would have changed
# outside of /etc is a file in $STUB_STATE: packages that are installed, the daemon's configuration as it was last read.
here=$STUB_STATE
tool=$(basename "$0")
say() { echo "$tool $*" >> "$here/calls"; }

packages() { # install|remove names…
  action=$1
  shift
  for word in "$@"; do
    case $word in
      -* | */*) ;;
      *) if [ "$action" = install ]; then touch "$here/package-$word"; else rm -f "$here/package-$word"; fi ;;
    esac
  done
}

case $tool in
  sudo) exec "$@" ;;
  apt-get | dnf)
    say "$@"
    case $1 in install | remove) packages "$@" ;; esac
    ;;
  ubuntu-drivers) say "$@"; touch "$here/package-nvidia-driver" ;;
  akmods) say "$@" ;;
  systemctl)
    say "$@"
    [ -e "$here/restart-fails" ] && echo "Job for docker.service failed" >&2 && exit 1
    rm -f "$here/daemon-reads"
    cp /etc/docker/daemon.json "$here/daemon-reads" 2> /dev/null
    true
    ;;
  dpkg) echo amd64 ;;
  rpm) echo 43 ;;
  curl)
    say "$@"
    echo "deb https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /"
    ;;
  gpg)
    say "$@"
    while [ "$1" != -o ]; do shift; done
    cat > "$2"
    ;;
  nvidia-smi)
    # The driver works once it is there and the machine was started anew.
    [ -e "$here/booted" ] && ls "$here" | grep -qE '^package-(nvidia-driver|akmod-nvidia)$' || exit 1
    case $1 in
      --query-gpu*) echo "0, GPU-0, NVIDIA A10, 580.95.05, 23028, 22563" ;;
      *) echo "GPU 0: NVIDIA A10 (UUID: GPU-0)" ;;
    esac
    ;;
  nvidia-ctk)
    [ -e "$here/package-nvidia-container-toolkit" ] || exit 127
    case "$*" in
      --version) echo "NVIDIA Container Toolkit CLI version 1.18.0" ;;
      "cdi list") [ -e /etc/cdi/nvidia.yaml ] && echo "nvidia.com/gpu=all" ;;
      "cdi generate --output="*)
        say "$@"
        [ -e "$here/cdi-fails" ] && echo "failed to generate CDI spec" >&2 && exit 1
        echo "kind: nvidia.com/gpu" > "${3#--output=}"
        ;;
      "runtime configure --runtime=docker")
        say "$@"
        before=$(tr -d '{}\n' < /etc/docker/daemon.json 2> /dev/null)
        echo "{${before:+$before,}\"runtimes\":{\"nvidia\":{\"path\":\"nvidia-container-runtime\"}}}" > /etc/docker/daemon.json
        ;;
    esac
    ;;
  docker)
    ls "$here" | grep -qE '^package-(docker.io|moby-engine)$' || exit 127
    case $1 in
      info) cat "$here/daemon-reads" 2> /dev/null || echo '{}' ;;
      image) [ -e "$here/image-$3" ] ;;
      pull) say "$@"; touch "$here/image-$2" ;;
      rmi) say "$@"; rm "$here/image-$2" ;;
    esac
    ;;
esac
