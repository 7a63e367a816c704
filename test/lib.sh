# shellcheck shell=bash
# Sourced by the drivers demo.sh, run.sh, bench.sh and bench_data.sh.
#
# A driver runs twice. The first time it is the launcher: it installs missing
# packages, picks a user PostgreSQL agrees to run as, copies the checkout into
# a run directory of that user and starts itself again in there. However that
# ends, the launcher stops every process and server of the run and removes the
# directory. The second time (FF_RUN is set) it is the worker: everything it
# needs, a copy of PostgreSQL included, is below FF_RUN, so nothing of the
# system is changed and runs never meet each other.
set -euo pipefail

: "${FF_ROOT:=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)}"
export FF_ROOT

ff_say() { printf '%s\n' "$*"; }
ff_die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# PG_CONFIG when given, else Debian's PostgreSQL 15
ff_pg_config() { ff_say "${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}"; }

# --- launcher -------------------------------------------------------------

# ff_enter ARGS...: returns in the worker only
ff_enter()
{
	if [ -n "${FF_RUN:-}" ]; then
		cd "$FF_RUN/src"
		return
	fi
	bash "$FF_ROOT/test/setup.sh" "${0##*/}"

	FF_AS=()
	local user
	user=$(id -un)
	if [ "$(id -u)" -eq 0 ]; then
		user=postgres
		id "$user" >/dev/null 2>&1 || user=nobody
		FF_AS=(setpriv "--reuid=$(id -u "$user")" "--regid=$(id -g "$user")" --init-groups)
	fi

	FF_RUN='' FF_TMP='' FF_WORKER=''
	trap ff_leave EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
	FF_TMP=$(mktemp -d /tmp/ffXXXXXX)	# short: socket paths end at 107 bytes
	chown "$user" "$FF_TMP"
	ff_make_run_directory "$user"
	# status 1: a file changed meanwhile
	{ tar -C "$FF_ROOT" --warning=no-file-changed --exclude=./.git --exclude=./build --exclude='*.o' \
		--exclude='*.bc' --exclude='*.so' -cf - . || [ $? -eq 1 ]; } |
		"${FF_AS[@]}" tar -C "$FF_RUN/src" --no-same-owner -xf -
	[ ! -d "${FRAUD_DATA:-}" ] || ff_share_data

	# clean environment, session of its own: all of it can be found and ended
	local name keep=()
	for name in PG_CONFIG CI FF_LONG "${!FRAUD_@}" "${!FUZZ_@}" "${!BENCH_@}"; do
		[ -z "${!name:-}" ] || keep+=("$name=${!name}")
	done
	setsid "${FF_AS[@]}" env -i --default-signal=INT,QUIT "PATH=$PATH" LANG=C.UTF-8 TZ=UTC \
		"TERM=${TERM:-dumb}" "HOME=$FF_RUN" "TMPDIR=$FF_TMP" "FF_TMP=$FF_TMP" "FF_RUN=$FF_RUN" \
		"FF_ROOT=$FF_ROOT" "${keep[@]}" bash "$FF_RUN/src/test/${0##*/}" "$@" </dev/null &
	FF_WORKER=$!
	local status=0
	wait "$FF_WORKER" || status=$?
	exit "$status"
}

# build/run.* in the checkout; below FF_TMP where the user cannot own such a
# directory or the path has characters make cannot live with
ff_make_run_directory()
{
	local owner
	owner=$(stat -c %u:%g "$FF_ROOT")
	if [[ $FF_ROOT != *[!A-Za-z0-9_./+-]* ]] && mkdir -p "$FF_ROOT/build" 2>/dev/null &&
		FF_RUN=$(mktemp -d "$FF_ROOT/build/run.XXXXXX" 2>/dev/null); then
		[ "$(id -u)" -ne 0 ] || chown "$owner" "$FF_ROOT/build"
		chown "$1" "$FF_RUN"
		if ! "${FF_AS[@]}" test -O "$FF_RUN" -a -w "$FF_RUN"; then
			rmdir "$FF_RUN"
			FF_RUN=''
		fi
	fi
	if [ -z "$FF_RUN" ]; then
		FF_RUN=$FF_TMP/run
		"${FF_AS[@]}" mkdir -m 700 "$FF_RUN"
	fi
	"${FF_AS[@]}" mkdir "$FF_RUN/src" "$FF_RUN/out"
}

# the labelled data, where the worker's user can read it
ff_share_data()
{
	FRAUD_DATA=$(cd "$FRAUD_DATA" && pwd -P)
	"${FF_AS[@]}" test -r "$FRAUD_DATA/." -a -x "$FRAUD_DATA/." && return
	cp -r "$FRAUD_DATA" "$FF_TMP/data"
	chmod -R a+rX "$FF_TMP/data"
	FRAUD_DATA=$FF_TMP/data
}

ff_leave()
{
	local status=$? file
	trap '' HUP INT PIPE TERM
	if [ -n "$FF_WORKER" ]; then
		ff_end_session "$FF_WORKER"
		wait "$FF_WORKER" 2>/dev/null || true
	fi
	if [ -n "$FF_RUN" ] && [ -d "$FF_RUN" ]; then
		while IFS= read -r file; do
			"${FF_AS[@]}" "$("$(ff_pg_config)" --bindir)/pg_ctl" -D "${file%/*}" -m immediate -s -w stop || true
		done < <(find "$FF_RUN" "$FF_TMP" -name postmaster.pid 2>/dev/null)
		ff_keep_output "$status"
	fi
	rm -rf -- "${FF_RUN:-$FF_TMP}" "$FF_TMP"
	rmdir -- "$FF_ROOT/build" 2>/dev/null || true
}

# ends every process of the session (field 4 behind the name in /proc/*/stat)
ff_end_session()
{
	local stat line
	for stat in /proc/[0-9]*/stat; do
		{ IFS= read -r line <"$stat"; } 2>/dev/null || continue
		read -r -a line <<<"${line##*) }"
		[ "${line[3]}" != "$1" ] || kill -TERM "$(basename "${stat%/stat}")" 2>/dev/null || true
	done
}

# what a failed run left in FF_RUN/out stays in build/test-output
ff_keep_output()
{
	local kept=$FF_ROOT/build/test-output owner
	owner=$(stat -c %u:%g "$FF_ROOT")
	rm -rf "$kept" 2>/dev/null || true
	[ "$1" -ne 0 ] && [ -n "$(ls -A "$FF_RUN/out" 2>/dev/null)" ] || return 0
	mkdir -p "${kept%/*}" 2>/dev/null && cp -rP "$FF_RUN/out" "$kept" || return 0
	if [ "$(id -u)" -eq 0 ]; then
		chown "$owner" "${kept%/*}"
		chown -Rh "$owner" "$kept"
	fi
}

# --- worker ---------------------------------------------------------------

# A server finds its libraries and extensions relative to its program, so real
# copies of the programs beside links to everything else are an installation
# of their own, into which "make install" puts the extension.
ff_private_postgres()
{
	local config from dir
	config=$(ff_pg_config)
	for dir in bindir pkglibdir sharedir includedir pkgincludedir; do
		from=$("$config" "--$dir")
		[ ! -e "$FF_RUN/pg$from" ] || continue
		mkdir -p "$FF_RUN/pg$from"
		case $dir in
			bindir) cp -L "$from"/* "$FF_RUN/pg$from" ;;
			*) ln -s "$from"/* "$FF_RUN/pg$from" ;;
		esac
	done
	PGBIN=$FF_RUN/pg$("$config" --bindir)
	PG_CONFIG=$PGBIN/pg_config
	export PGBIN PG_CONFIG PATH="$PGBIN:$PATH"
	from=$("$config" --sharedir)/extension
	dir=$("$PG_CONFIG" --sharedir)
	rm -f "$dir/extension" "$dir/fraud_fallback" "$("$PG_CONFIG" --pkglibdir)/"{bitcode,fraud_fallback.so}
	mkdir "$dir/extension"
	ln -s "$from"/* "$dir/extension"
	rm -f "$dir/extension/fraud_fallback"*
}

# builds the extension and installs it into the private PostgreSQL
ff_build()
{
	ff_private_postgres
	make -s -j"$(nproc)" with_llvm=no "PG_CONFIG=$PG_CONFIG" install
}

ff_build_quietly()
{
	ff_say 'building the extension, starting a throw-away server ...'
	ff_build >"$FF_RUN/out/build.log" 2>&1 && return
	tail -n 60 "$FF_RUN/out/build.log"
	ff_die 'the build failed'
}

# ff_start CONFIGURATION-LINE...: a server nobody else can reach
ff_start()
{
	export PGDATA=$FF_RUN/data PGHOST=$FF_TMP PGPORT=65432 PGUSER=postgres PGDATABASE=postgres
	FF_LOG=$FF_RUN/out/server.log
	initdb -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync -D "$PGDATA" >"$FF_RUN/out/initdb.log" 2>&1 ||
		{ cat "$FF_RUN/out/initdb.log"; return 1; }
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$FF_TMP'" "port = $PGPORT" \
		'fsync = off' "timezone = 'UTC'" "log_timezone = 'UTC'" "$@" >>"$PGDATA/postgresql.conf"
	pg_ctl -s -w -t 120 -l "$FF_LOG" start || { tail -n 40 "$FF_LOG"; return 1; }
}

# for the measurements: database bench in a server with memory, without
# anything that works beside the query measured
ff_prepare_bench()
{
	ff_build_quietly
	ff_start 'shared_buffers = 1GB' 'max_wal_size = 8GB' 'max_parallel_workers_per_gather = 0' \
		'jit = off' 'autovacuum = off' 'client_min_messages = warning'
	psql -Xqc 'CREATE DATABASE bench'
}

ff_stop() { pg_ctl -s -w -m fast stop; }
