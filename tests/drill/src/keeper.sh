# Runs a command and ends it when standard input ends: the process that started this holds the other
# end, so that nothing is left behind however that process goes, Ctrl-C and kill -9 included.
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3 >/dev/null; kill -KILL "$child"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
