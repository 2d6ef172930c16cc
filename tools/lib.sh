# Sourced by the tools: where things are, and what a machine needs.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
tool=tools/$(basename "$0")
set -o pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

# The Debian packages that the program, its tests and the box are made from.
packages=(
	gcc libc6-dev clang libclang-rt-dev meson ninja-build pkg-config
	libelf-dev libdw-dev libzydis-dev libjansson-dev libcriterion-dev
	qemu-system-x86 jq procps
	babeltrace2 protobuf-compiler python3-jsonschema
)

# What the Intel box is made from: not needed by anything else.
# Bochs' package is content with SeaBIOS, which QEMU brings along; the box wants Bochs' own firmware.
intel_packages=(bochs bochs-term bochsbios vgabios grub-common grub-pc-bin xorriso)

say() { printf '%s: %s\n' "$tool" "$*" >&2; }

missing_packages() { # PACKAGE...
	local state
	state=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
	for package; do
		grep -qx "installed $package" <<<"$state" || echo "$package"
	done
}

install_packages() { # PACKAGE...
	local missing
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} = 0 ] && return
	if [ "$(id -u)" != 0 ]; then
		say "packages are missing; as root: apt-get install -y --no-install-recommends ${missing[*]}"
		exit 3
	fi
	say "installing ${missing[*]}"
	# The lists may be absent or outdated: fetch them when they do not do.
	apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null 2>&1 && return
	if ! apt-get -qq update >&2 ||
		! apt-get -qq -y --no-install-recommends install "${missing[@]}" >&2; then
		say "apt-get could not install ${missing[*]}"
		exit 3
	fi
}

# configure DIRECTORY OPTIONS...: once
configure() {
	local directory=$1
	shift
	[ -f "$directory/build.ninja" ] || meson setup "$directory" "$root" "$@" >&2
}

# build DIRECTORY TARGETS...: silent when all goes well
build() {
	ninja -C "$1" --quiet "${@:2}" | { grep -vx 'ninja: no work to do\.' || true; } >&2
}

prepare() {
	install_packages "${packages[@]}"
	configure "$build"
	build "$build"
	# Not needed where /dev/kvm is a processor; elsewhere the program says what is missing.
	"$root/tools/box" "$build" || true
}
