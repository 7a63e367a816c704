#!/usr/bin/env bash
# The commands of a page of documentation, to be run in their order.
#
# blocks.sh split PAGE DIR: each command becomes files N.kind, N.body, N.name
# (where it stands) and, where the page says so, N.role and N.text.
#
#   kind        what it is on the page
#   sql         a block of SQL; N.text: what the ```text block right behind it shows
#   preloaded   the same behind <!-- preloaded -->: for servers that have the library preloaded
#   inline      `SELECT ...` inside a line, a table's mostly
#   yaml, ini, json, log   blocks of these
#   run         <!-- run as ROLE, SQL, --> each on lines of their own: readers do not see it
#   hold        the same with "hold": its session stays until <!-- release -->
#   release, restart       <!-- release -->, <!-- restart -->
#
# <!-- as ROLE --> gives the next block of SQL its role.
#
# blocks.sh run DIR N exactly|loosely PSQL-OPTION...: runs one and compares its
# output, without blanks at line ends. Loosely, times, spans of time, blanks and
# numbers of three and more digits do not count. What is wrong goes to stdout.
set -uo pipefail

split()
{
	awk -v dir="$2" '
		function begin(new, role)
		{
			n++; kind = new; file = dir "/" n ".body"; printf "" > file
			print kind > (dir "/" n ".kind"); close(dir "/" n ".kind")
			print "line " NR > (dir "/" n ".name"); close(dir "/" n ".name")
			if (role != "") { print role > (dir "/" n ".role"); close(dir "/" n ".role") }
		}
		/^-->$/ && hidden				{ close(file); hidden = 0; kind = ""; next }
		/^```/ && kind != "" && !hidden	{ close(file); kind = ""; last = NR; next }
		kind != ""						{ sub(/[ \t]+$/, ""); print > file; next }
		/^<!-- (run|hold) as [a-z_]+$/	{ begin($2, $4); hidden = 1; next }
		/^<!-- (release|restart) -->$/	{ begin($2, ""); close(file); kind = ""; next }
		/^<!-- as [a-z_]+ -->$/			{ as = $3; next }
		/^<!-- preloaded -->$/			{ preloaded = 1; next }
		/^```sql$/						{ begin(preloaded ? "preloaded" : "sql", as); as = ""; preloaded = 0; next }
		/^```(yaml|ini|json|log)$/		{ begin(substr($0, 4), ""); next }
		/^```text$/						{ kind = "text"; file = NR == last + 1 ? dir "/" n ".text" : "/dev/null"; next }
		/^```/							{ kind = "other"; file = "/dev/null"; next }
		{
			for (rest = $0; match(rest, /`SELECT [^`]*`/); rest = substr(rest, RSTART + RLENGTH))
			{
				begin("inline", ""); print substr(rest, RSTART + 1, RLENGTH - 2) > file; close(file); kind = ""
			}
		}' "$1"
}

# what is compared of an output
normal()
{
	if [ "$1" = loosely ]; then
		sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}(\.[0-9]+)?(Z|\+00(:00)?)?/TIME/g' \
			-e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?/SPAN/g' \
			-e 's/[0-9]+ h [0-9]+ min|[0-9]+ min [0-9]+ s|[0-9]+(\.[0-9])? (ms|s|min|h)\b/SPAN/g' \
			-e 's/[0-9]{3,}/N/g' -e 's/ +/ /g' -e 's/-{2,}/-/g' -e 's/ $//' -e 's/^ //'
	else
		sed 's/[ \t]*$//'
	fi | sed '${/^$/d}'
}

run()
{
	local dir=$1 n=$2 how=$3 status
	shift 3
	psql -Xq -P pager=off -v ON_ERROR_STOP=1 "$@" -f "$dir/$n.body" >"$dir/out" 2>"$dir/errors"
	status=$?
	[ ! -s "$dir/errors" ] || status=1
	cat "$dir/errors"
	case $(cat "$dir/$n.kind") in
		sql | preloaded) ;;
		*) return "$status" ;;
	esac
	# a block that prints something shows it, or is loose
	[ -e "$dir/$n.text" ] || [ "$how" = exactly ] || return "$status"
	[ -e "$dir/$n.text" ] || : >"$dir/$n.text"
	diff <(normal "$how" <"$dir/$n.text") <(normal "$how" <"$dir/out") || status=1
	return "$status"
}

case ${1:-} in
	split) split "$2" "$3" ;;
	run) shift; run "$@" ;;
	normal) normal loosely ;;
	*) echo "usage: blocks.sh split PAGE DIR | run DIR N exactly|loosely PSQL-OPTION... | normal" >&2; exit 2 ;;
esac
