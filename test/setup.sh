#!/usr/bin/env bash
# test/setup.sh [driver]: installs the Debian packages a driver needs, if any
# is missing: as root, else through sudo. A PostgreSQL of the host is left as it
# is, and no cluster is created for the one installed here. The tests (run.sh)
# need the programs of two services as well, which they run themselves: where
# these are installed here they are neither started nor enabled.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

services='redis-server lighttpd'	# packages and services: both names

missing_packages()
{
	local config
	config=$(ff_pg_config)
	[ -x "$("$config" --bindir 2>/dev/null)/postgres" ] || ff_say postgresql-15
	[ -f "$("$config" --includedir-server 2>/dev/null)/postgres.h" ] || ff_say postgresql-server-dev-15
	command -v gcc >/dev/null || ff_say gcc
	command -v make >/dev/null || ff_say make
	[ -f /usr/include/stdio.h ] || ff_say libc6-dev
	[ -f /usr/include/yaml.h ] || ff_say libyaml-dev
	perl -MTest::More -MIPC::Run -e 1 2>/dev/null || ff_say libipc-run-perl
	[ "$1" = run.sh ] || return 0
	[ -x /usr/bin/redis-server ] || ff_say redis-server
	[ -x /usr/sbin/lighttpd ] || ff_say lighttpd
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

# --- as root, one at a time: test/setup.sh --install PACKAGE... ------------

apt() { DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

# A failing update alone is no reason to stop: the source that fails may be
# one we do not need. Three tries, growing waits: mirrors have bad moments.
try_install()
{
	local wait
	for wait in 5 20 0; do
		apt update || true
		apt install -y --no-install-recommends "$@" && return
		[ "$wait" -eq 0 ] || { ff_say "the installation failed; again in $wait seconds" >&2; sleep "$wait"; }
	done
	return 1
}

cluster_conf=/etc/postgresql-common/createcluster.d/fraud_fallback.conf
policy=/usr/sbin/policy-rc.d	# Debian's packages ask it before they start a service
policy_before=$policy.before_fraud_fallback

restore()
{
	rm -f "$cluster_conf"
	! grep -qs fraud_fallback "$policy" || rm "$policy"
	[ ! -e "$policy_before" ] || mv "$policy_before" "$policy"
}

# Only our two services are refused. Others are answered as before: what an
# installation has stopped it must be able to start again.
refuse_services()
{
	restore		# after a run that was killed
	[ ! -e "$policy" ] || mv "$policy" "$policy_before"
	cat >"$policy" <<-END
		#!/bin/sh
		# While the tests of fraud_fallback install packages.
		for service in $services; do
			case " \$* " in *" \$service "* | *" \$service.service "*) exit 101 ;; esac
		done
		[ ! -x $policy_before ] || exec $policy_before "\$@"
	END
	chmod 755 "$policy"
}

install_packages()
{
	local service
	trap restore EXIT
	refuse_services
	case " $* " in
		*' postgresql-15 '*)
			mkdir -p "${cluster_conf%/*}"
			ff_say 'create_main_cluster = false' >"$cluster_conf"
			;;
	esac
	try_install "$@" || ff_die "these packages are needed and cannot be installed: $*"
	for service in $services; do
		[[ " $* " != *" $service "* ]] || update-rc.d "$service" disable ||
			ff_say "please disable the service $service, the tests do not need it" >&2
	done
}

if [ "${1:-}" = --install ]; then
	shift
	install_packages "$@"
	exit
fi

# --- as anybody ------------------------------------------------------------

mapfile -t missing < <(missing_packages "${1:-}")
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ -n "${PG_CONFIG:-}" ]; then
	ff_die "with PG_CONFIG=$PG_CONFIG these are missing (names of Debian's packages): ${missing[*]}"
fi
command -v apt-get >/dev/null || ff_die "please install what Debian calls: ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
	as_root true 2>/dev/null ||
		ff_die "packages are missing and sudo is missing or refuses; run as root: apt-get install ${missing[*]}"
fi
ff_say "installing ${missing[*]}"
as_root flock -o /var/lib/dpkg bash "${BASH_SOURCE[0]}" --install "${missing[@]}"

mapfile -t missing < <(missing_packages "${1:-}")
[ "${#missing[@]}" -eq 0 ] || ff_die "still missing after the installation: ${missing[*]}"
