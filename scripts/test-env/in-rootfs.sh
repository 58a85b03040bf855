#!/bin/sh
# in-rootfs.sh ROOT COMMAND… — runs COMMAND with ROOT as the real root, in a mount namespace of its own:
# every mount ends with the last process. The pid stays the caller's. A plain chroot is not enough for
# dockerd: it remounts / for image imports. Host folders that are not the system's keep their paths,
# so that a client on the host and the daemon mean the same file by the same name.
set -eu
if [ "$1" != --inside ]; then
  exec unshare --mount --propagation slave sh "$0" --inside "$@"
fi
root=$2
shift 2
run=/run/stack-test
here=$PWD
mkdir -p "$run"
mount --bind "$root" "$root"
for dir in /*; do
  case $dir in
    /bin | /sbin | /lib* | /usr | /etc | /var | /run | /boot | /lost+found) continue ;;
  esac
  if [ -L "$dir" ] || [ ! -d "$dir" ]; then continue; fi
  mkdir -p "$root$dir"
  mount --rbind "$dir" "$root$dir"
done
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root$run" "$root/.host"
mount --bind "$run" "$root$run"
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
  if [ -e "$file" ] && [ -e "$root$file" ]; then mount --bind "$(readlink -f "$file")" "$root$file"; fi
done
cd "$root"
pivot_root . .host
umount -l /.host
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
cd "$here" 2>/dev/null || cd /
exec "$@"
