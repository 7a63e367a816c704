#!/usr/bin/env bash
# What docs/architecture.md says of the sources: who includes whom, what is
# pure, what leaves the library.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
order=(core config policy profile txn score velocity store circuit journal service ml live decide)	# each may use itself and what stands before it
tests=0

# is_empty TEXT NAME: ok when there is nothing to complain about
is_empty()
{
	tests=$((tests + 1))
	if [ -z "$1" ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		sed 's/^/#   /' <<<"$1"
	fi
}

# one line an include of ours: file, file included
ours=$(awk '/^#include "(\.\.?\/)?[a-z_]+\// {
	split($2, q, "\""); from = FILENAME; sub(/^src\//, "", from); print from, q[2] }' src/*/*.[ch] |
	while read -r from to; do [ ! -d "src/${to%%/*}" ] || echo "$from $to"; done)

folders=$(printf '%s\n' src/*/ | sed 's|^src/||; s|/$||' | sort)
is_empty "$(diff <(printf '%s\n' "${order[@]}" | sort) <(echo "$folders"))" 'src has the folders of the list, and no others'
is_empty "$(for folder in $folders; do grep -q "src/$folder" docs/architecture.md || echo "$folder"; done)" \
	'docs/architecture.md names each folder'
is_empty "$(while read -r from to; do [ -e "src/$to" ] || echo "$from: no such file src/$to"; done <<<"$ours")" \
	'includes name files by folder and name'
is_empty "$(grep -nE '^#include "[^/"]+\.h"' src/*/*.[ch] | while IFS=: read -r file _ include; do
	name=${include#*\"}
	[ -z "$(find src -name "${name%\"*}")" ] || echo "$file: $include"
done)" 'no include leaves the folder out'

is_empty "$(awk -v list="${order[*]}" '
	BEGIN { n = split(list, name, " "); for (i = 1; i <= n; i++) place[name[i]] = i }
	{ split($1, a, "/"); split($2, b, "/") }
	place[b[1]] > place[a[1]] { print $1 " includes " $2 }' <<<"$ours")" \
	"includes go down the list: ${order[*]}"
# module.c stands above all folders and only starts what has something to start
is_empty "$(sed -nE 's/^#include "([a-z_]+\/[a-z_]+\.h)"$/\1/p' src/module.c | while read -r header; do
	[ ! -e "src/$header" ] || grep -qE 'void [a-z_]+_init\(void\);' "src/$header" || [ "$header" = core/compat.h ] || echo "module.c includes $header, which has no init function"; done)" \
	'module.c only starts things'
is_empty "$(tsort <<<"$ours" 2>&1 >/dev/null)" 'no file includes itself by way of others'

is_empty "$(grep -lE '#include +[<"]yaml\.h' -r src | grep -vx 'src/config/yaml_tree.c')" \
	'only yaml_tree.c knows libyaml'
is_empty "$(grep -lE 'PG_VERSION_NUM|PG_MAJORVERSION' -r src --include='*.[ch]' | grep -vx 'src/core/compat.h')" \
	'only compat.h tests the version of PostgreSQL'

# the two lists of the Makefile
objects() { awk -v list="$1" '$1 == list && $2 == "=" { on = 1; next } on && NF == 0 { exit } on { print $1 }' Makefile | sed 's/\.o$/.c/'; }
pure=$(objects PURE_OBJS)
server=$(objects SERVER_OBJS)
generated='src/config/service_yaml.c src/policy/default_yaml.c'
is_empty "$(diff <(printf '%s\n' $pure $server | sort) <(printf '%s\n' src/*.c src/*/*.c $generated | sort -u))" \
	'every source file is either pure or not, once'

# every header of ours that a file gets, itself included
reach()
{
	local todo=("$1") seen=' ' file next
	while [ "${#todo[@]}" -gt 0 ]; do
		file=${todo[0]} todo=("${todo[@]:1}")
		[[ $seen != *" $file "* ]] || continue
		seen+="$file "
		echo "src/$file"
		for next in $(awk -v from="$file" '$1 == from { print $2 }' <<<"$ours"); do
			todo+=("$next")
		done
	done
}
is_empty "$(for file in $pure; do
	[[ " $generated " != *" $file "* ]] || continue
	[ "$(grep -m1 '^#include' "$file")" = '#include "core/c_base.h"' ] || echo "$file does not begin with core/c_base.h"
	for got in $(reach "${file#src/}"); do
		[ "$got" != src/core/c_base.h ] || continue
		grep -nE '^#include [<"](postgres|postgres_fe|fmgr|funcapi|miscadmin)\.h|^#include "(access|catalog|executor|libpq|nodes|optimizer|parser|storage|tcop|utils)/' "$got" |
			sed "s|^|$file gets $got: |"
	done
done)" 'pure files get nothing of the server'
is_empty "$(for file in $server; do
	[ "$(grep -m1 '^#include' "$file")" = '#include "postgres.h"' ] || echo "$file"; done)" \
	'the others begin with postgres.h'

# hidden symbols: what leaves the library is what SQL calls
library=$("${PGBIN:+$PGBIN/}pg_config" --pkglibdir)/fraud_fallback.so
sql=$(tr '\n' ' ' <sql/fraud_fallback--1.0.sql)
is_empty "$(nm -D --defined-only "$library" 2>&1 | awk '{ print $NF }' | while read -r name; do
	case $name in
		_PG_init | Pg_magic_func | pg_finfo_*) ;;
		*) [[ $sql == *"FUNCTION $name("* || $sql == *"'MODULE_PATHNAME', '$name'"* ]] ||
			grep -qr "bgw_function_name, \"$name\"" src || echo "$name" ;;
	esac
done)" 'the library exports functions of SQL, mains of workers, and nothing else'

echo "1..$tests"
