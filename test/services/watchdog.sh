#!/bin/sh
# Cleans up after tests that ended without stopping their server, however they ended.
# $1: the work folder of one server. Its files named process-* hold a process id and the signal that ends it;
# compose-* hold the file of a Docker Compose project of that name. Standard input is a pipe from the tests: it closes when they are gone.
# After a stop in good order the folder is gone too, and nothing is left to do.
case "$1" in */bk-service-*) ;; *) echo "watchdog: not a work folder: $1" >&2; exit 2 ;; esac
cat >/dev/null

for file in "$1"/process-*; do
  [ -f "$file" ] || continue
  read -r pid signal <"$file"
  kill -s "$signal" -- "-$pid" 2>/dev/null
  tries=0
  while [ $tries -lt 50 ] && kill -0 -- "-$pid" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -s KILL -- "-$pid" 2>/dev/null
done
for file in "$1"/compose-*; do
  [ -f "$file" ] || continue
  read -r compose <"$file"
  docker compose -p "${file##*/compose-}" -f "$compose" down -v >/dev/null 2>&1
done
# A process killed a moment ago may still have been writing.
rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }
