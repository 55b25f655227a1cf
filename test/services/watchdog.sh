#!/bin/sh
# Cleans up after tests that ended without stopping their server, however they ended.
# $1: the work folder of one server. Standard input is a pipe from the tests, which closes when they are gone; until then it tells
#   guard PID SIGNAL     a process group of the server, and the signal that ends it
#   forget PID           it has ended
#   compose NAME FILE    a Docker Compose project of the server
#   done                 stopped in good order: nothing is left to do
case "$1" in */bk-service-*) ;; *) echo "watchdog: not a work folder: $1" >&2; exit 2 ;; esac

groups= project= file=
while read -r word first rest; do
  case "$word" in
    guard) groups="$groups $first:$rest" ;;
    forget) groups=$(printf '%s\n' $groups | grep -v "^$first:") ;;
    compose) project=$first file=$rest ;;
    done) exit 0 ;;
  esac
done

for group in $groups; do kill -s "${group#*:}" -- "-${group%%:*}" 2>/dev/null; done
for group in $groups; do
  tries=0
  while [ $tries -lt 50 ] && kill -s 0 -- "-${group%%:*}" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -s KILL -- "-${group%%:*}" 2>/dev/null
done
[ -z "$project" ] || docker compose -p "$project" -f "$file" down -v >/dev/null 2>&1
# A process killed a moment ago may still have been writing.
rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }
