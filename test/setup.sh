#!/usr/bin/env bash
# Installs the Debian packages the drivers need, if any is missing: as root,
# else through sudo. A PostgreSQL of the host is left as it is, and no cluster
# is created for the one installed here.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

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

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

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

install_packages()
{
	local conf=/etc/postgresql-common/createcluster.d/fraud_fallback.conf
	case " $* " in
		*' postgresql-15 '*)
			as_root mkdir -p "${conf%/*}"
			ff_say 'create_main_cluster = false' | as_root tee "$conf" >/dev/null
			# shellcheck disable=SC2064
			trap "as_root rm -f $conf" EXIT
			;;
	esac
	try_install "$@" || ff_die "these packages are needed and cannot be installed: $*"
}

mapfile -t missing < <(missing_packages)
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
install_packages "${missing[@]}"

mapfile -t missing < <(missing_packages)
[ "${#missing[@]}" -eq 0 ] || ff_die "still missing after the installation: ${missing[*]}"
