# shellcheck shell=bash disable=SC2034
# Sourced by ./quickstart and ./check: which Debian 12 packages this project needs, and how missing ones get there.

packages_build=(cmake flatbuffers-compiler g++ make ninja-build pkg-config
  libarchive-dev libblkid-dev libcli11-dev libflatbuffers-dev libfmt-dev libfuse3-dev libspdlog-dev libsqlite3-dev libssl-dev liburing-dev libxxhash-dev libtomlplusplus-dev libzstd-dev nlohmann-json3-dev)
packages_run=(fuse3 python3)
packages_test=(acl attr clang clang-format clang-tidy curl libclang-rt-14-dev libgmock-dev libgtest-dev groff-base man-db python3 python3-boto3 rclone rsync s3cmd s3fs shellcheck xfsprogs)

# Runs a command as root: directly, or with sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -- "$@"
  fi
}

# need_packages NAME...: installs those that are missing, and asks the network nothing when none is.
need_packages() {
  local name missing=()
  for name in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
      missing+=("$name")
    fi
  done
  if [ ${#missing[@]} = 0 ]; then
    return 0
  fi
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    echo "these packages are missing and only root can install them: ${missing[*]}" >&2
    return 1
  fi
  echo "Installing ${missing[*]}"
  as_root apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update </dev/null &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
      -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install "${missing[@]}" </dev/null
}

# configure FOLDER CMAKE-ARGUMENT...: with Ninja, unless the folder was configured before and has its generator.
configure() {
  local folder=$1
  shift
  if [ -e "$folder/CMakeCache.txt" ]; then
    cmake -S . -B "$folder" "$@"
  else
    cmake -G Ninja -S . -B "$folder" "$@"
  fi
}
