# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Functions for plans: whether pheap's files say the same, and whether that adds
# up.  Each says what does not.  The heaps must be at rest.

heaps=/sys/kernel/debug/pheap

# proc_adds_up: the rows of each heap are its totals, these are all heaps, and
# with the arena map all heaps are what the module holds.
proc_adds_up() {
	awk -v held="$(cat /sys/module/pheap/parameters/bytes_held)" '
	function same(what, a, b) {
		if (a != b) {
			print "/proc/pheapinfo: " heap ": " what ": " a " and " b
			bad = 1
		}
	}
	function value(name) {
		match($0, "[ ]" name "=[0-9]+")
		return substr($0, RSTART + length(name) + 2,
			RLENGTH - length(name) - 2) + 0
	}
	function start(name) {
		heap = name
		live = magazines = free = pools = 0
	}
	NR == 1 { same("version", $0, "pheapinfo - version: 1.0"); next }
	NR == 2 { next }
	/^# all heaps/ {
		heap = "all"
		same("taken", value("taken"), all)
		same("bytes_held", value("taken") + $NF, held)
		next
	}
	/^#/ { next }
	$2 != heap { start($2) }
	$3 != "total" {
		if ($3 != "large")
			same("live blocks of " $3, $9, $5 * $4)
		same("fill of " $3, $11, sprintf("%.1f",
			int(1000 * $9 / $10 + 1e-9) / 10))
		live += $9
		magazines += $6 * $4
		free += $7 * $4
		pools += $10
		rows++
		next
	}
	/ limit=/ {
		peak = value("peak")
		if (value("limit"))
			same("peak within limit", peak <= value("limit"), 1)
		next
	}
	{
		same("live", live, value("live"))
		same("magazines", magazines, value("magazines"))
		same("free", free, value("free"))
		same("pools", pools, live + magazines + free + value("slack"))
		same("taken", value("taken"), pools + value("pages") +
			value("metadata"))
		same("peak", peak >= value("taken"), 1)
		all += value("taken")
		totals++
	}
	END {
		heap = "all"
		same("rows, heaps", rows > 0 && totals > 0, 1)
		exit bad
	}' /proc/pheapinfo
}

# stat HEAP KEY: from its file stats.
stat() {
	awk -v key="$2" '$1 == key { print $2 }' "$heaps/$1/stats"
}

# debugfs_agrees HEAP: what stats has is the sum of arenas, classes and leaks, and
# the line in /proc/pheapinfo.
debugfs_agrees() {
	(cd "$heaps/$1" && awk -v heap="$1" '
	function same(what, a, b) {
		if (a != b) {
			print heap ": " what ": " a " and " b
			bad = 1
		}
	}
	FILENAME == "stats" { stat[$1] = $2; next }
	FILENAME ~ /pheapinfo/ {
		if ($2 != heap || $3 != "total")
			next
		for (i = 4; i <= NF; i++)
			if (split($i, pair, "=") == 2 && pair[1] in stat) {
				same(pair[1], pair[2], stat[pair[1]])
				pairs++
			}
		next
	}
	FILENAME == "classes" && /^# free pages/ { noted = $7 + 0; next }
	FNR == 1 { next }
	FILENAME == "arenas" {
		map = substr($0, index($0, "[") + 1)
		same("width of the map", index(map, "]"), 65)
		same("pages present", 64 - gsub(/ /, " ", map), $2)
		same("pages free", gsub(/\./, ".", map), $3)
		same("pages", $3 + $4, $2)
		starts += gsub(/[0-9#]/, "p", map)
		free += $3
		used += $4
		arenas++
	}
	FILENAME == "classes" {
		same("columns", NF, 15)
		for (i = 4; i <= 14; i++) {
			pools += $i
			pages += $i * $3
		}
	}
	FILENAME == "leaks" {
		if ($1 != "large")
			same("bytes of " $1, $4, $2 * $3)
		blocks += $3
		bytes += $4
	}
	END {
		same("arenas", arenas + 0, stat["arenas"])
		same("pools of the arenas", starts + 0, stat["pools"])
		same("pools of the classes", pools + 0, stat["pools"])
		same("pages of pools", pages, used)
		same("free pages", free * 4096, stat["pages"])
		same("free pages of the classes", noted, free)
		same("live blocks", blocks + 0, stat["live_blocks"])
		same("live bytes", bytes + 0, stat["live"])
		same("taken", stat["taken"], stat["live"] + stat["magazines"] +
			stat["free"] + stat["slack"] + stat["pages"] +
			stat["metadata"])
		same("totals in /proc/pheapinfo", pairs, 12)
		exit bad
	}' stats arenas classes leaks /proc/pheapinfo)
}

# pages_present HEAP, pages_to_trim HEAP: by arenas; by classes.
pages_present() {
	awk 'NR > 1 { n += $2 } END { print n + 0 }' "$heaps/$1/arenas"
}

pages_to_trim() {
	awk '/^# free pages/ { n += $7; next } NR > 1 { n += $NF }
		END { print n + 0 }' "$heaps/$1/classes"
}

# just_decayed HEAP: half of its idle pools has just ended, if it has any; others will
# in a second.
just_decayed() {
	_tries=0
	_idle=$(stat "$1" idle)
	while [ "$_idle" != 0 ] && [ $_tries -lt 30 ] &&
		[ "$(stat "$1" idle)" = "$_idle" ]; do
		sleep 0.1
		_tries=$((_tries + 1))
	done
	while [ $_tries -lt 30 ] && [ "$(stat "$1" idle)" != "$_idle" ]; do
		_idle=$(stat "$1" idle)
		sleep 0.1
		_tries=$((_tries + 1))
	done
}

# trim_keeps_its_word HEAP: just the pages go that classes said would, and nothing
# is left to trim.
trim_keeps_its_word() {
	just_decayed "$1"
	_before=$(pages_present "$1")
	_less=$(pages_to_trim "$1")
	echo 1 >"$heaps/$1/trim" || return 1
	echo "pages of $1: $_before, to trim: $_less, then: $(pages_present "$1")"
	[ "$(pages_present "$1")" = $((_before - _less)) ] &&
		[ "$(pages_to_trim "$1")" = 0 ] &&
		[ "$(stat "$1" magazines)" = 0 ] && [ "$(stat "$1" pages)" = 0 ]
}

# refuses FILE TEXT: a write fails.
refuses() {
	! (echo "$2" >"$1") 2>/dev/null
}

# controls_work HEAP: 1 is what trim and validate take, and nothing else.
controls_work() {
	(echo 1 >"$heaps/$1/validate") && refuses "$heaps/$1/validate" 0 &&
		refuses "$heaps/$1/validate" 2 && refuses "$heaps/$1/trim" 0 &&
		refuses "$heaps/$1/trim" x
}
