#!/bin/sh
# Stands in for nvidia-smi: says what lies in this folder, which tests write.
says=/var/lib/stub-gpu
case "$*" in
  *--query-gpu*) file=query ;;
  *-L*) file=list ;;
  *) file=table ;;
esac
[ -e "$says/$file" ] || file=error
cat "$says/$file"
[ "$file" != error ]
