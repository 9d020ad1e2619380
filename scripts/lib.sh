# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Functions shared by the scripts of this directory.  To be sourced:
#
#	. "$(dirname "$(readlink -f "$0")")/lib.sh"
#
# Results go to standard output, progress to standard error.

PHEAP_TOP=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
PHEAP_CACHE=${PHEAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pheap}
PHEAP_MIRROR=${PHEAP_MIRROR:-http://deb.debian.org}
PHEAP_JOBS=${PHEAP_JOBS:-$(nproc)}

export LC_ALL=C.UTF-8

# --- messages -----------------------------------------------------------------

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# usage: show the comment at the head of the calling script, as --help does.
usage() {
	sed -n '3,/^[^#]/{/^#/!q;s/^# \{0,1\}//;p}' "$0"
}

# say MARK TEXT SECONDS: one aligned line of progress.
say() {
	printf '%-4s  %-58s %6s s\n' "$1" "$2" "$3" >&2
}

# step TEXT COMMAND...: run a command quietly, with its output in a log file;
# show that it runs, how long it took, and the end of the log if it failed.
step() {
	local text=$1 log start pid status=0
	shift
	mkdir -p "$PHEAP_CACHE/log"
	log=$PHEAP_CACHE/log/$(tr -cs 'a-zA-Z0-9.\n' '-' <<<"$text").log
	start=$SECONDS
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	step_watch "$pid" "$text" "$log" "$start"
	wait "$pid" || status=$?
	if [ "$status" = 0 ]; then
		say "done" "$text" "$((SECONDS - start))"
		return 0
	fi
	say FAIL "$text" "$((SECONDS - start))"
	tail -n 30 "$log" | sed 's/^/    | /' >&2
	printf '    the whole log: %s\n' "$log" >&2
	return "$status"
}

# step_watch PID TEXT LOG START: a clock on a terminal, elsewhere a line a minute.
step_watch() {
	local pid=$1 text=$2 log=$3 start=$4 spent
	while kill -0 "$pid" 2>/dev/null; do
		spent=$((SECONDS - start))
		if [ -t 2 ]; then
			printf '%-4s  %-58s %6s s\r' .. "$text" "$spent" >&2
		elif [ "$spent" -gt 0 ] && [ $((spent % 60)) = 0 ]; then
			say .. "$text: $(tail -n 1 "$log" | tr -s ' ' | cut -c1-40)" "$spent"
		fi
		sleep 1 || true
	done
}

# --- packages of this machine ---------------------------------------------------

# need_packages PACKAGE...: install those Debian packages that are missing.
need_packages() {
	local missing=() sudo=() package
	for package; do
		package_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null ||
			die "as root, run: apt-get install ${missing[*]}"
		sudo=(sudo)
	fi
	step "apt-get update" "${sudo[@]}" apt-get update
	step "install $(IFS=' '; cut -c1-48 <<<"${missing[*]}")" \
		"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}"
}

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# --- packages of other Debian releases ------------------------------------------

# private_apt PROGRAM ARGUMENT...: apt-get or apt-cache with sources, lists and
# cache of our own.  The machine's own are neither read nor written.
private_apt() {
	local dir=$PHEAP_CACHE/apt program=$1
	shift
	"$program" -q \
		-o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts="$dir/empty" \
		-o Dir::Etc::Preferences="$dir/preferences" \
		-o Dir::Etc::PreferencesParts="$dir/empty" \
		-o Dir::State="$dir/state" \
		-o Dir::State::Status="$dir/status" \
		-o Dir::Cache="$dir/cache" \
		-o APT::Architecture=amd64 \
		-o APT::Architectures=amd64 \
		-o APT::Sandbox::User=root \
		-o APT::Default-Release= \
		-o Acquire::Languages=none \
		-o Acquire::Retries=3 \
		"$@"
}

# private_update: make the lists of packages, or renew them once a day.
private_update() {
	with_lock apt private_update_locked
}

private_update_locked() {
	local dir=$PHEAP_CACHE/apt
	if [ -n "$(find "$dir/updated" -mtime -1 2>/dev/null)" ]; then
		return 0
	fi
	mkdir -p "$dir/empty" "$dir/state/lists/partial" \
		"$dir/cache/archives/partial" "$PHEAP_CACHE/deb"
	: >"$dir/status"
	: >"$dir/preferences"
	private_sources >"$dir/sources.list"
	if step "list the packages of bookworm and trixie" \
		private_apt apt-get update; then
		touch "$dir/updated"
	elif [ ! -e "$dir/updated" ]; then
		die "no package lists: is the network there?"
	fi
}

private_sources() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite
	for suite in bookworm bookworm-updates bookworm-backports \
		trixie trixie-updates trixie-backports; do
		echo "deb [signed-by=$keyring] $PHEAP_MIRROR/debian $suite main"
	done
	for suite in bookworm-security trixie-security; do
		echo "deb [signed-by=$keyring] $PHEAP_MIRROR/debian-security $suite main"
	done
}

# private_unpack DIR PACKAGE[=VERSION]...: download and unpack, never install.
private_unpack() {
	local dir=$1 package deb
	shift
	mkdir -p "$dir" "$PHEAP_CACHE/deb"
	for package; do
		rm -f "$PHEAP_CACHE/deb/${package%%=*}"_*.deb
		(cd "$PHEAP_CACHE/deb" && private_apt apt-get download "$package")
		deb=$(echo "$PHEAP_CACHE/deb/${package%%=*}"_*.deb)
		dpkg-deb -x "$deb" "$dir"
		rm -f "$deb"
	done
}

# --- kernels ----------------------------------------------------------------------

# A kernel is known by a name: a Debian one is 6.1, 6.12, 7.3 or rt-6.12, one of our own
# um-6.1, um-6.12, um-7.3, debug-6.1, debug-6.12, debug-rt-6.12 or kcsan-6.12.  Each
# has a directory in the cache with a file "kernel.env" that says where its parts are.

KERNELS_DEBIAN="6.1 6.12 7.3 rt-6.12"
KERNELS_BUILT="um-6.1 um-6.12 um-7.3 debug-6.1 debug-6.12 debug-rt-6.12 kcsan-6.12"

# kernel_load NAME: fetch or build the kernel if need be, and set
#	K_NAME		its name
#	K_ARCH		x86_64 or um
#	K_RELEASE	what uname -r says in it
#	K_IMAGE		what to boot
#	K_KDIR		what to build modules against: make -C $K_KDIR M=...
#	K_SOURCE	the source tree, for a kernel of our own
#	K_MODULES	the directory of its own modules, for a Debian kernel
kernel_load() {
	local env
	case " $KERNELS_DEBIAN " in
	*" $1 "*) env=$("$PHEAP_TOP/scripts/kernel-debian" "$1") ;;
	*)
		case " $KERNELS_BUILT " in
		*" $1 "*) env=$("$PHEAP_TOP/scripts/kernel-build" "$1") ;;
		*) die "no kernel '$1'; there are: $KERNELS_DEBIAN $KERNELS_BUILT" ;;
		esac
		;;
	esac
	eval "$env"
}

# newest DIR PATTERN: the name of the newest version among DIR/PATTERN.
newest() {
	find "$1" -maxdepth 1 -name "$2" -printf '%f\n' 2>/dev/null |
		sort -V | tail -n 1
}

# build_dir KERNEL: where scripts/modules builds this tree for that kernel.
build_dir() {
	echo "$PHEAP_CACHE/build/$(sha256sum <<<"$PHEAP_TOP" | cut -c1-8)/$1"
}

# with_lock NAME COMMAND...: one process at a time does this.
with_lock() {
	local lock=$PHEAP_CACHE/lock/$1
	shift
	mkdir -p "$PHEAP_CACHE/lock"
	(
		flock 9
		"$@" 9>&-
	) 9>"$lock"
}
